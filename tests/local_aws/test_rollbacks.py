"""End to end: what is left when stacks fail, roll back, replace and delete, on the local AWS.

The provider is deployed with the SAM CLI; the stacks that embed it are made with boto3, which is
faster. Where MiniStack 1.5.33 differs from CloudFormation, a comment says how.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from demo.local_aws import LocalAws, local_aws
from demo.sam import PROVIDER_STACK, Sam

_POLL_SECONDS = 0.2
_LONGEST_SECONDS = 120
_SERVICE_TOKEN = {"Fn::ImportValue": f"{PROVIDER_STACK}-ServiceToken"}
_PATH = "/restricted/"
_NO_SUCH_TEMPLATE = {"PolicyTemplate": "no-such-template"}  # Refused before anything is touched.

Resources = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Account:
    """The local AWS with the provider in it, as a test looks at it."""

    aws: LocalAws
    client: Callable[[str], Any]

    def stored(self, user_name: str, stage: str = "AWSCURRENT") -> dict[str, Any]:
        """The JSON of the user's secret."""
        value = self.client("secretsmanager").get_secret_value(
            SecretId=f"restricted/{user_name}", VersionStage=stage
        )
        return dict(json.loads(value["SecretString"]))

    def keys(self, user_name: str) -> list[str]:
        """Ids of the user's access keys."""
        found = self.client("iam").list_access_keys(UserName=user_name)["AccessKeyMetadata"]
        return [key["AccessKeyId"] for key in found]

    def caller(self, key: dict[str, Any]) -> str:
        """The ARN by which STS knows the holder of a stored key, or the code of its refusal."""
        sts = self.aws.client_of("sts", key["AccessKeyId"], key["SecretAccessKey"])
        try:
            return str(sts.get_caller_identity()["Arn"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    def check_only_key(self, user_name: str, key_id: str) -> None:
        """The secret holds this key, which works and is the only one of the user."""
        stored = self.stored(user_name)
        assert stored["AccessKeyId"] == key_id
        assert self.caller(stored).endswith(f":user{_PATH}{user_name}")
        assert self.keys(user_name) == [key_id]

    def inventory(self) -> set[str]:
        """Every user, policy and secret of the account, and every access key."""
        iam, secretsmanager = self.client("iam"), self.client("secretsmanager")
        users = iam.list_users()["Users"]
        policies = iam.list_policies(Scope="Local")["Policies"]
        secrets = secretsmanager.list_secrets(IncludePlannedDeletion=True)["SecretList"]
        return {
            *(user["Arn"] for user in users),
            *(key for user in users for key in self.keys(user["UserName"])),
            *(policy["Arn"] for policy in policies),
            *(secret["ARN"] for secret in secrets),
        }


@dataclass
class Stack:
    """A stack of one test. Each operation returns the status in which it ended."""

    account: Account
    name: str
    _id: str = field(default="", init=False)

    def create(self, resources: Resources) -> str:
        answer = self._cloudformation.create_stack(
            StackName=self.name,
            TemplateBody=json.dumps({"Resources": resources}),
            Capabilities=["CAPABILITY_IAM"],
        )
        self._id = answer["StackId"]
        return self._ended()

    def update(self, resources: Resources) -> str:
        self._cloudformation.update_stack(
            StackName=self._id, TemplateBody=json.dumps({"Resources": resources})
        )
        return self._ended()

    def delete(self) -> str:
        self._cloudformation.delete_stack(StackName=self._id)
        return self._ended()

    def reasons(self, logical_id: str) -> dict[str, str]:
        """The statuses that a resource has been in, each with its reason."""
        events = self._cloudformation.describe_stack_events(StackName=self._id)["StackEvents"]
        return {
            event["ResourceStatus"]: event.get("ResourceStatusReason", "")
            for event in events
            if event["LogicalResourceId"] == logical_id
        }

    @property
    def _cloudformation(self) -> Any:
        return self.account.client("cloudformation")

    def _ended(self) -> str:
        give_up = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < give_up:
            time.sleep(_POLL_SECONDS)
            stack = self._cloudformation.describe_stacks(StackName=self._id)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return str(stack["StackStatus"])
        raise TimeoutError(f"Stack {self.name} is still in {stack['StackStatus']}")


@pytest.fixture(scope="module")
def account(
    tmp_path_factory: pytest.TempPathFactory, built: Callable[[LocalAws], Sam]
) -> Iterator[Account]:
    with local_aws(tmp_path_factory.mktemp("aws")) as aws:
        built(aws).deploy(PolicyTemplate="none")
        yield Account(aws, cache(aws.client))


def restricted_user(user_name: str, **properties: object) -> dict[str, Any]:
    return {
        "Type": "Custom::RestrictedIAMUser",
        "Properties": {
            "ServiceToken": _SERVICE_TOKEN,
            "UserName": user_name,
            "PolicyTemplate": "vanilla",
            "Serial": "1",
            **properties,
        },
    }


def policy_document(action: str, **statement: object) -> dict[str, Any]:
    """A policy document of one statement, which allows unless it says otherwise."""
    complete = {"Effect": "Allow", "Action": action, **statement}
    return {"Version": "2012-10-17", "Statement": [complete]}


def failing_after(logical_id: str) -> dict[str, Any]:
    """A resource that fails as soon as another one is done."""
    return {**restricted_user("NeverMade", **_NO_SUCH_TEMPLATE), "DependsOn": logical_id}


def test_rolled_back_rotation_leaves_the_key_of_before(account: Account) -> None:
    """A rotation that another resource's failure rolls back restores the old key, drops the new."""
    stack = Stack(account, "rotation")
    assert stack.create({"Installer": restricted_user("Rotated")}) == "CREATE_COMPLETE"
    before = account.stored("Rotated")["AccessKeyId"]

    status = stack.update(
        {"Installer": restricted_user("Rotated", Serial="2"), "Later": failing_after("Installer")}
    )

    assert status == "UPDATE_ROLLBACK_COMPLETE"
    abandoned = account.stored("Rotated", "AWSPREVIOUS")
    assert abandoned["AccessKeyId"] != before  # So there was a rotation to roll back.
    assert account.caller(abandoned) == "InvalidClientTokenId"
    account.check_only_key("Rotated", before)


def test_update_that_fails_itself_leaves_the_key_of_before(account: Account) -> None:
    """An update of the resource that is refused changes nothing, and rolling it back neither."""
    stack = Stack(account, "refused-update")
    assert stack.create({"Installer": restricted_user("Refused")}) == "CREATE_COMPLETE"
    before = account.stored("Refused")["AccessKeyId"]

    status = stack.update(
        {"Installer": restricted_user("Refused", Serial="2", **_NO_SUCH_TEMPLATE)}
    )

    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert "no-such-template" in stack.reasons("Installer")["UPDATE_FAILED"]
    account.check_only_key("Refused", before)


def test_replacement_removes_the_former_user(account: Account) -> None:
    """A new UserName makes a user with a working key; the former user goes with all it had."""
    untouched = account.inventory()
    stack = Stack(account, "replacement")
    assert stack.create({"Installer": restricted_user("Former")}) == "CREATE_COMPLETE"
    former, key = account.inventory() - untouched, account.stored("Former")

    # MiniStack deletes the former one still in UPDATE_IN_PROGRESS, AWS in
    # UPDATE_COMPLETE_CLEANUP_IN_PROGRESS.
    status = stack.update({"Installer": restricted_user("Successor")})

    assert status == "UPDATE_COMPLETE"
    account.check_only_key("Successor", account.stored("Successor")["AccessKeyId"])
    assert len(former) == 4  # A user, a key, a policy and a secret.
    assert not former & account.inventory()
    assert account.caller(key) == "InvalidClientTokenId"


def test_rolled_back_replacement_leaves_the_former_user(account: Account) -> None:
    """A replacement that another resource's failure rolls back leaves the former user alone."""
    stack = Stack(account, "rolled-back-replacement")
    assert stack.create({"Installer": restricted_user("Staying")}) == "CREATE_COMPLETE"
    before, key = account.inventory(), account.stored("Staying")["AccessKeyId"]

    # MiniStack only deletes the successor; AWS updates the resource back to the former first.
    status = stack.update(
        {"Installer": restricted_user("Passing"), "Later": failing_after("Installer")}
    )

    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert "UPDATE_COMPLETE" in stack.reasons("Installer")  # So there was a successor to remove.
    assert account.inventory() == before
    account.check_only_key("Staying", key)


def test_rolled_back_creation_leaves_nothing(account: Account) -> None:
    """A creation that another resource's failure rolls back takes all of ours away again."""
    before = account.inventory()
    stack = Stack(account, "creation")

    status = stack.create(
        {"Installer": restricted_user("ShortLived"), "Later": failing_after("Installer")}
    )

    assert status == "ROLLBACK_COMPLETE"
    assert "CREATE_COMPLETE" in stack.reasons("Installer")  # So there was something to remove.
    assert account.inventory() == before


def test_taken_policy_name_is_refused(account: Account) -> None:
    """A creation is refused over a policy that is not ours, which stays as it was."""
    # MiniStack lets two policies have one name on different paths, AWS does not; so this one is on
    # our path. test_failed_creation_is_removed stands for the other, found only by CreatePolicy.
    iam, stack = account.client("iam"), Stack(account, "taken-policy")
    document = json.dumps(policy_document("ec2:DescribeRegions", Resource="*"))
    arn = iam.create_policy(PolicyName="Handmade", Path=_PATH, PolicyDocument=document)["Policy"][
        "Arn"
    ]
    before, policy = account.inventory(), iam.get_policy(PolicyArn=arn)["Policy"]

    status = stack.create({"Installer": restricted_user("Unlucky", PolicyName="Handmade")})

    assert status == "ROLLBACK_COMPLETE"
    assert arn in stack.reasons("Installer")["CREATE_FAILED"]
    assert stack.delete() == "DELETE_COMPLETE"
    assert account.inventory() == before
    assert iam.get_policy(PolicyArn=arn)["Policy"] == policy


# MiniStack sends no Delete after a failed Create, AWS does, while it rolls back. This function does
# it instead: from the Delete of its own resource it makes the one that is missing, and the
# provider's answer to it ends both.
_SENDER = """
import json, os, urllib.request, boto3

def handler(event, context):
    if event["RequestType"] == "Delete":
        properties = event["ResourceProperties"]["Missing"]
        missing = {
            **event,
            "LogicalResourceId": "Installer",
            "PhysicalResourceId": properties["UserName"],
            "ResourceProperties": properties,
        }
        boto3.client("lambda").invoke(
            FunctionName=properties["ServiceToken"],
            InvocationType="Event",
            Payload=json.dumps(missing),
        )
        return
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": "sender"}
    urllib.request.urlopen(urllib.request.Request(
        event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT"
    ))
"""


def with_missing_delete(installer: dict[str, Any]) -> Resources:
    """A stack that sends the resource Installer the Delete that AWS would send it."""
    invoke = policy_document("lambda:InvokeFunction", Resource=_SERVICE_TOKEN)
    role = {
        "AssumeRolePolicyDocument": policy_document(
            "sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"}
        ),
        "Policies": [{"PolicyName": "Invoke", "PolicyDocument": invoke}],
    }
    function = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Timeout": 30,
        "Code": {"ZipFile": _SENDER},
    }
    sender = {
        "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
        "ServiceTimeout": 60,
        "Missing": installer["Properties"],
    }
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
        "Sender": {"Type": "Custom::Sender", "Properties": sender},
        "Installer": {**installer, "DependsOn": "Sender"},
    }


@contextmanager
def denied(account: Account, action: str) -> Iterator[None]:
    """The provider may not do one thing, as a policy of the organization could have it."""
    iam, cloudformation = account.client("iam"), account.client("cloudformation")
    role = cloudformation.describe_stack_resource(
        StackName=PROVIDER_STACK, LogicalResourceId="ProviderRole"
    )["StackResourceDetail"]["PhysicalResourceId"]
    document = json.dumps(policy_document(action, Resource="*", Effect="Deny"))
    iam.put_role_policy(RoleName=role, PolicyName="Denied", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="Denied")


@pytest.mark.parametrize(
    "action", ["iam:CreatePolicy", "secretsmanager:CreateSecret", "iam:CreateAccessKey"]
)
def test_failed_creation_is_removed(account: Account, action: str) -> None:
    """A creation that AWS refuses half-way fails with the reason, and its Delete removes all."""
    before = account.inventory()
    operation = action.partition(":")[2]
    stack = Stack(account, f"half-way-{operation}")

    with denied(account, action):
        status = stack.create(with_missing_delete(restricted_user(f"No{operation}")))

    assert status == "ROLLBACK_COMPLETE"
    assert f"AWS refused {operation}: AccessDenied" in stack.reasons("Installer")["CREATE_FAILED"]
    assert stack.delete() == "DELETE_COMPLETE"
    assert account.inventory() == before


def hang_things_on(account: Account, user_name: str) -> str:
    """What people add to a user by hand; returns the serial number of its virtual MFA device."""
    iam = account.client("iam")
    document = json.dumps(policy_document("ec2:DescribeRegions", Resource="*"))
    iam.create_login_profile(UserName=user_name, Password="Correct-Horse-1")
    iam.create_group(GroupName="Operators")
    iam.add_user_to_group(GroupName="Operators", UserName=user_name)
    iam.put_user_policy(UserName=user_name, PolicyName="Inline", PolicyDocument=document)
    iam.create_access_key(UserName=user_name)
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    serial = str(device["SerialNumber"])
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    iam.enable_mfa_device(UserName=user_name, SerialNumber=serial, **codes)
    return serial


def test_deletion_takes_along_what_was_added_by_hand(account: Account) -> None:
    """Password, group membership, inline policy, MFA device and second key stop no deletion."""
    iam, before = account.client("iam"), account.inventory()
    stack = Stack(account, "burdened")
    assert stack.create({"Installer": restricted_user("Burdened")}) == "CREATE_COMPLETE"
    serial = hang_things_on(account, "Burdened")
    devices = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert serial in [device["SerialNumber"] for device in devices]

    assert stack.delete() == "DELETE_COMPLETE"

    assert account.inventory() == before
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Any")["VirtualMFADevices"] == []
    # What stayed would show only when there is a user of that name again.
    iam.create_user(UserName="Burdened")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_login_profile(UserName="Burdened")
    assert iam.list_user_policies(UserName="Burdened")["PolicyNames"] == []
    assert iam.get_group(GroupName="Operators")["Users"] == []


def test_taken_user_name_is_refused(account: Account) -> None:
    """A creation is refused over a user that is not ours, which stays as it was."""
    iam, stack = account.client("iam"), Stack(account, "taken-user")
    iam.create_user(UserName="Somebody", Tags=[{"Key": "team", "Value": "x"}])
    iam.create_access_key(UserName="Somebody")
    before, user = account.inventory(), iam.get_user(UserName="Somebody")["User"]

    status = stack.create({"Installer": restricted_user("Somebody")})

    assert status == "ROLLBACK_COMPLETE"
    assert user["Arn"] in stack.reasons("Installer")["CREATE_FAILED"]
    assert stack.delete() == "DELETE_COMPLETE"
    assert account.inventory() == before
    assert iam.get_user(UserName="Somebody")["User"] == user
    assert iam.list_attached_user_policies(UserName="Somebody")["AttachedPolicies"] == []
