"""The resource policy of a secret: who may read it, and whom it refuses."""

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


def secret_policy(reader_arns: Iterable[str], account_id: str) -> dict[str, Any]:
    """The policy that lets these principals read, and nobody in who comes from elsewhere.

    AWS services that act for somebody carry the account of that one; those that act for themselves
    have none. IAM User Guide, "AWS global condition context keys".
    """
    readers = sorted(set(reader_arns))
    accounts = sorted({account_id, *(arn.split(":")[4] for arn in readers)})
    statements: list[dict[str, Any]] = [
        _refusal("OnlyOverTls", {"Bool": {"aws:SecureTransport": "false"}}),
        _refusal(
            "OnlyFromTheseAccounts",
            {
                "StringNotEquals": {"aws:PrincipalAccount": accounts},
                "Bool": {"aws:PrincipalIsAWSService": "false"},
            },
        ),
    ]
    if readers:
        statements.append(
            {
                "Sid": "Readers",
                "Effect": "Allow",
                "Principal": {"AWS": readers},
                "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                "Resource": "*",
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


def _refusal(sid: str, condition: dict[str, Any]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "secretsmanager:*",
        "Resource": "*",
        "Condition": condition,
    }


class SecretReaders:
    """The resource policy of one secret, in the account that it is in."""

    def __init__(
        self,
        secretsmanager: "SecretsManagerClient",
        secret_name: str,
        account_id: str,
        deadline: Deadline,
    ) -> None:
        self._client = secretsmanager
        self._secret_name = secret_name
        self._account_id = account_id
        self._deadline = deadline

    def reconcile(self, reader_arns: tuple[str, ...], *, is_new: bool) -> list[str]:
        """Write the policy that lets exactly these principals in, unless it is there.

        A secret that `is_new` has no policy yet. Secrets Manager refuses a policy that names a
        principal which was made just now, or which is gone. Returns those that it refuses for good;
        the others are in the policy.
        """
        wanted = secret_policy(reader_arns, self._account_id)
        if not is_new and _canonical(self._present()) == _canonical(wanted):
            return []
        put = partial(self._put, reader_arns)
        try:
            self._deadline.until_settled(put, _REFUSED, seconds=_PATIENCE_SECONDS)
        except ClientError as error:
            if error_code(error) != _REFUSED:
                raise
            return self._put_one_by_one(reader_arns)
        return []

    def _put(self, reader_arns: Iterable[str]) -> None:
        self._client.put_resource_policy(
            SecretId=self._secret_name,
            ResourcePolicy=json.dumps(secret_policy(reader_arns, self._account_id)),
            BlockPublicPolicy=True,
        )

    def _put_one_by_one(self, reader_arns: tuple[str, ...]) -> list[str]:
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
            self._put(())
        return refused

    def _present(self) -> Any:
        """The policy as it is; a secret that was made a moment ago may be unknown here."""
        get = partial(self._client.get_resource_policy, SecretId=self._secret_name)
        answer = self._deadline.until_settled(get, "ResourceNotFoundException", seconds=20)
        text = answer.get("ResourcePolicy")
        return json.loads(text) if text else None


def _canonical(policy: Any) -> Any:
    """The policy with every list in one order, a list of one as its item: AWS turns them about."""
    if isinstance(policy, dict):
        return {name: _canonical(value) for name, value in policy.items()}
    if isinstance(policy, list):
        items = sorted((_canonical(item) for item in policy), key=_text)
        return items[0] if len(items) == 1 else items
    return policy


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
