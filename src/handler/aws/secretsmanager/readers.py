"""Who may use a secret and how, besides what IAM lets: its resource policy."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


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
        self, secretsmanager: "SecretsManagerClient", secret_name: str, account_id: str
    ) -> None:
        self._client = secretsmanager
        self._secret_name = secret_name
        self._account_id = account_id

    def reconcile(self, reader_arns: tuple[str, ...], *, is_new: bool) -> None:
        """Write the policy that lets exactly these principals in, unless it is there.

        A secret that `is_new` has none, and AWS may not know it yet when it is asked.
        """
        wanted = secret_policy(reader_arns, self._account_id)
        if is_new or _canonical(self._present()) != _canonical(wanted):
            self._client.put_resource_policy(
                SecretId=self._secret_name,
                ResourcePolicy=json.dumps(wanted),
                BlockPublicPolicy=True,
            )

    def _present(self) -> Any:
        text = self._client.get_resource_policy(SecretId=self._secret_name).get("ResourcePolicy")
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
