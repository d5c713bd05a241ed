"""End to end: the deployed functions, turned against their owner by forged events.

The events are invoked directly, as somebody could who may invoke the functions; answers go to an
object of the local S3, as those to CloudFormation do.
"""

import json
import socket
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from uuid import uuid4

import pytest

from demo.local_aws import LocalAws, local_aws
from demo.sam import Sam
from support.escalations import ADMINISTRATOR
from support.hostile import Account

_EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@pytest.fixture(scope="module")
def account(
    tmp_path_factory: pytest.TempPathFactory, built: Callable[[LocalAws], Sam]
) -> Iterator[Account]:
    with local_aws(tmp_path_factory.mktemp("aws")) as aws:
        sam = built(aws)
        sam.deploy()
        sam.deploy(Serial="2")  # So there is a replaced key in its grace, too.
        found = Account(aws, cache(aws.client))
        found.furnish()
        yield found


@pytest.fixture
def untouched(account: Account) -> Iterator[None]:
    """After the test everything is as before."""
    before = account.snapshot()
    yield
    assert account.snapshot() == before


def refused(account: Account, reason: str, **members: Any) -> None:
    """The provider fails the request for this reason, and lets nothing out."""
    answer = account.send("ProviderFunction", account.request(**members))

    assert answer.sent is not None
    assert answer.sent["Status"] == "FAILED"
    assert reason in answer.sent["Reason"]
    assert answer.sent["Data"] == {}
    assert answer.returned in ("", "null")
    assert not [key for key in account.secret_access_keys() if key in answer.text]


TAKEN: dict[str, tuple[dict[str, Any], str]] = {
    "user of another stack": ({"UserName": "Provazio"}, "user/restricted/Provazio"),
    "user that somebody made under our path": ({"UserName": "Unbounded"}, "/restricted/Unbounded"),
    "user outside our path": ({"UserName": "Administrator"}, "user/Administrator"),
    "policy of another stack": ({"PolicyName": "ManageIguazioSystems"}, "ManageIguazioSystems"),
    "policy that somebody made under our path": (
        {"PolicyName": "Theirs"},
        "policy/restricted/Theirs",
    ),
    "secret of another stack": ({"SecretName": "restricted/Provazio"}, "restricted/Provazio"),
    "secret that somebody made under our prefix": (
        {"SecretName": "restricted/Theirs"},
        "restricted/Theirs",
    ),
    "secret outside our prefix": ({"SecretName": "team/database"}, "team/database"),
    "another boundary": ({"PermissionsBoundary": ADMINISTRATOR}, "PermissionsBoundary"),
    "own document": ({"PolicyDocument": _EVERYTHING}, "AllowPolicyDocument=false"),
}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("properties", "reason"), TAKEN.values(), ids=TAKEN)
def test_what_is_not_ours_is_not_taken(
    account: Account, properties: dict[str, Any], reason: str
) -> None:
    """A forged request for a stack that is at work gets nobody else's things, nor more power."""
    refused(account, reason, ResourceProperties=properties)


@pytest.mark.usefixtures("untouched")
def test_same_request_for_a_name_that_is_free_is_served_within_the_boundary(
    account: Account,
) -> None:
    """So the others are refused for what they ask; and nothing secret is in what is answered."""
    created = account.send("ProviderFunction", account.request())
    user = account.client("iam").get_user(UserName="Mallory")["User"]
    secret = account.client("secretsmanager").get_secret_value(SecretId="restricted/Mallory")
    key = json.loads(secret["SecretString"])["SecretAccessKey"]
    refused(
        account,
        "is in CREATE_IN_PROGRESS",
        RequestType="Delete",
        PhysicalResourceId="Mallory",
    )
    account.remove("Mallory")

    assert created.sent is not None
    assert created.sent["Status"] == "SUCCESS"
    boundary = user["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert boundary == account.physical_ids["UserBoundary"]
    assert key not in created.text


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("user_name", ["Provazio", "Unbounded", "Administrator"])
def test_what_is_not_ours_is_not_deleted(account: Account, user_name: str) -> None:
    """A forged Delete of somebody else's user is refused: CloudFormation deletes nothing."""
    names = {"UserName": user_name, "SecretName": "restricted/Theirs", "PolicyName": "Theirs"}
    refused(
        account,
        "is in CREATE_IN_PROGRESS",
        RequestType="Delete",
        PhysicalResourceId=user_name,
        ResourceProperties=names,
    )


_UUID = "00000000-0000-0000-0000-000000000000"
STACKS = {
    "another account": (f"arn:aws:cloudformation:us-east-1:210987654321:stack/s/{_UUID}", "not of"),
    "another region": (f"arn:aws:cloudformation:eu-west-1:123456789012:stack/s/{_UUID}", "not of"),
    "unknown": (f"arn:aws:cloudformation:us-east-1:123456789012:stack/s/{_UUID}", "not exist"),
}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
@pytest.mark.parametrize(("stack_id", "reason"), STACKS.values(), ids=STACKS)
def test_foreign_and_unknown_stacks_are_not_served(
    account: Account, request_type: str, stack_id: str, reason: str
) -> None:
    """A stack that CloudFormation does not know here asks for nothing."""
    refused(
        account, reason, RequestType=request_type, StackId=stack_id, PhysicalResourceId="Mallory"
    )


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
def test_idle_stack_is_not_served(account: Account, request_type: str) -> None:
    """Even with the ids of the real resource, its user, its key and its secret stay."""
    refused(
        account,
        "nothing was touched",
        RequestType=request_type,
        StackId=account.provider_stack_id,
        LogicalResourceId="RestrictedUser",
        PhysicalResourceId="Provazio",
        ResourceProperties={"UserName": "Provazio", "Serial": "3"},
    )


ADDRESSES = [
    "https://{listener}/",
    "https://localhost@{listener}/",
    "https://localhost\\@{listener}/",
    "https://{listener}/?https://localhost",
    "https://{listener}#.s3.amazonaws.com/",
    "http://localhost:{port}/",
]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("address", ADDRESSES)
def test_forged_address_gets_no_answer(account: Account, address: str) -> None:
    """Nobody who names an address of their own is called, let alone answered."""
    with socket.create_server(("127.0.0.2", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        url = address.format(listener=f"127.0.0.2:{port}", port=port)
        answer = account.send("ProviderFunction", account.request(ResponseURL=url))
        with pytest.raises(BlockingIOError):
            listener.accept()

    assert answer.error == ""
    assert answer.sent is None
    assert "ResponseURL does not lead to CloudFormation" in answer.logged


RETIREMENTS: dict[str, dict[str, str]] = {
    "replaced key, early": {},
    "current key": {"stage": "AWSCURRENT"},
    "for another stack": {"StackId": "busy"},
    "for another resource": {"LogicalResourceId": "Other"},
    "of a stranger": {"UserName": "Unbounded"},
    "of an administrator": {"UserName": "Administrator"},
    "by another secret": {"SecretName": "restricted/Theirs"},
}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("forged", RETIREMENTS.values(), ids=RETIREMENTS)
def test_forged_retirement_deletes_no_key(account: Account, forged: dict[str, str]) -> None:
    """Whoever sends the event of a schedule ends no grace early, and no key that is current."""
    retirement = account.retirement(forged.get("stage", "AWSPREVIOUS"))
    retirement |= {name: value for name, value in forged.items() if name != "stage"}
    if retirement["StackId"] == "busy":
        retirement["StackId"] = account.busy_stack_id
    event = {"RetireAccessKey": retirement}

    answer = account.send("ProviderFunction", event)

    assert answer.error == ""
    assert "NothingToRetire" in answer.logged
    assert not [key for key in account.secret_access_keys() if key in answer.text]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("secret", ["restricted/Provazio", "restricted/Theirs", "team/database"])
@pytest.mark.parametrize("step", ["createSecret", "setSecret", "testSecret", "finishSecret"])
def test_forged_rotation_makes_no_key(account: Account, secret: str, step: str) -> None:
    """Neither a secret that is not ours is rotated, nor ours without Secrets Manager's label."""
    event = {"Step": step, "SecretId": secret, "ClientRequestToken": str(uuid4())}

    answer = account.send("RotationFunction", event)

    assert answer.error
    assert "not for you" not in answer.text
    assert not [key for key in account.secret_access_keys() if key in answer.text]
