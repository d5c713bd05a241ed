"""The short way to moto: what comes back is what comes back over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from doubles import direct_moto, world
from doubles.fake_cloudformation import Stack

PROPERTIES = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}


def answer(call: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """What a call gives, or the error that it ends in."""
    try:
        found: dict[str, Any] = call(**parameters)
    except ClientError as error:
        found = {"class": type(error).__name__, **error.response["Error"]}
    return {name: value for name, value in found.items() if name != "ResponseMetadata"}


def test_short_way_answers_as_http_does(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads of every service, and refusals, give the same values both ways."""
    stack.create(**PROPERTIES)
    iam, secretsmanager = world.iam(), world.secretsmanager()
    arn = world.policy("Provazio")["Arn"]
    calls: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (iam.get_user, {"UserName": "Provazio"}),
        (iam.get_user, {"UserName": "Nobody"}),
        (iam.create_user, {"UserName": "PROVAZIO"}),
        (iam.list_access_keys, {"UserName": "Provazio"}),
        (iam.list_attached_user_policies, {"UserName": "Provazio"}),
        (iam.get_policy, {"PolicyArn": arn}),
        (iam.get_policy_version, {"PolicyArn": arn, "VersionId": "v1"}),
        (iam.delete_user, {"UserName": "Provazio"}),
        (secretsmanager.describe_secret, {"SecretId": "restricted/Provazio"}),
        (secretsmanager.get_secret_value, {"SecretId": "restricted/Provazio"}),
        (secretsmanager.get_secret_value, {"SecretId": "restricted/Nobody"}),
        (world.client("cloudformation").describe_stacks, {"StackName": stack.stack_id}),
        (world.client("cloudformation").describe_stacks, {"StackName": "none"}),
        (world.client("sts").get_caller_identity, {}),
    ]
    over_http = [answer(*call) for call in calls]
    direct_moto.install(monkeypatch)

    assert [answer(*call) for call in calls] == over_http
    assert sum("class" in one for one in over_http) == 5
