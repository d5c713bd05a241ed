"""Who may read a secret besides those whom IAM lets, as its resource policy."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


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

    def __init__(self, secretsmanager: "SecretsManagerClient", secret_name: str) -> None:
        self._client = secretsmanager
        self._secret_name = secret_name

    def reconcile(self, reader_arns: tuple[str, ...]) -> None:
        """Write the policy that names exactly these principals; without any, delete it."""
        text = self._client.get_resource_policy(SecretId=self._secret_name).get("ResourcePolicy")
        if not reader_arns:
            if text:
                self._client.delete_resource_policy(SecretId=self._secret_name)
            return
        wanted = reader_policy(reader_arns)
        if text is None or _canonical(json.loads(text)) != _canonical(wanted):
            self._client.put_resource_policy(
                SecretId=self._secret_name,
                ResourcePolicy=json.dumps(wanted),
                BlockPublicPolicy=True,
            )


def _canonical(policy: Any) -> Any:
    """The policy with every list in one order, a list of one as its item: AWS turns them about."""
    if isinstance(policy, dict):
        return {name: _canonical(value) for name, value in policy.items()}
    if isinstance(policy, list):
        items = sorted((_canonical(item) for item in policy), key=json.dumps)
        return items[0] if len(items) == 1 else items
    return policy
