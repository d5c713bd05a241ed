"""Who may read a secret besides those whom IAM lets, as its resource policy."""

import json
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handler.deadline import Deadline
from handler.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_REFUSED = "MalformedPolicyDocumentException"
# Usually a principal that was made just now is known after 10.
_PATIENCE_SECONDS = 30


def reader_policy(reader_arns: Iterable[str]) -> dict[str, Any]:
    """The policy that lets exactly these principals read, and nothing else."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Readers",
                "Effect": "Allow",
                "Principal": {"AWS": sorted(set(reader_arns))},
                "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                "Resource": "*",
            }
        ],
    }


class SecretReaders:
    """The resource policy of one secret."""

    def __init__(
        self, secretsmanager: "SecretsManagerClient", secret_name: str, deadline: Deadline
    ) -> None:
        self._client = secretsmanager
        self._secret_name = secret_name
        self._deadline = deadline

    def reconcile(self, reader_arns: tuple[str, ...], *, is_new: bool) -> list[str]:
        """Write the policy that names exactly these principals; without any, delete it.

        A secret that `is_new` has no policy yet. Secrets Manager refuses a policy that names a
        principal which was made just now, or which is gone. Returns those that it refuses for good;
        the others are in the policy.
        """
        text = None if is_new else self._text()
        wanted = reader_policy(reader_arns)
        if not reader_arns:
            self._clear(text)
        elif text is None or _canonical(json.loads(text)) != _canonical(wanted):
            put = partial(self._put, reader_arns)
            try:
                self._deadline.until_settled(put, _REFUSED, seconds=_PATIENCE_SECONDS)
            except ClientError as error:
                if error_code(error) != _REFUSED:
                    raise
                return self._put_one_by_one(reader_arns, text)
        return []

    def _text(self) -> str | None:
        """The policy as it is; a secret that was made a moment ago may be unknown here."""
        get = partial(self._client.get_resource_policy, SecretId=self._secret_name)
        answer = self._deadline.until_settled(get, "ResourceNotFoundException", seconds=20)
        return answer.get("ResourcePolicy")

    def _put(self, reader_arns: Iterable[str]) -> None:
        self._client.put_resource_policy(
            SecretId=self._secret_name,
            ResourcePolicy=json.dumps(reader_policy(reader_arns)),
            BlockPublicPolicy=True,
        )

    def _put_one_by_one(self, reader_arns: tuple[str, ...], text: str | None) -> list[str]:
        """Find out who is refused; the policy never names more than the wanted readers."""
        accepted: list[str] = []
        refused: list[str] = []
        for arn in dict.fromkeys(reader_arns):
            try:
                self._put([*accepted, arn])
                accepted.append(arn)
            except ClientError as error:
                if error_code(error) != _REFUSED:
                    raise
                refused.append(arn)
        if not accepted:
            self._clear(text)
        return refused

    def _clear(self, text: str | None) -> None:
        if text:
            self._client.delete_resource_policy(SecretId=self._secret_name)


def _canonical(policy: Any) -> Any:
    """The policy with every list in one order, a list of one as its item: AWS turns them about."""
    if isinstance(policy, dict):
        return {name: _canonical(value) for name, value in policy.items()}
    if isinstance(policy, list):
        items = sorted((_canonical(item) for item in policy), key=json.dumps)
        return items[0] if len(items) == 1 else items
    return policy
