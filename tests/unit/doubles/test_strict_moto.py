"""The AWS of the unit tests refuses what AWS refuses, so that a green suite means something."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from doubles import world
from doubles.dependents import DEPENDENTS, DOCUMENT, make_policy
from handler.aws import clients
from handler.model.keys import AccessKey

pytestmark = pytest.mark.usefixtures("aws")

ACCOUNT = "arn:aws:iam::123456789012"
DIFFERING_IN_CASE = [{"Key": "team", "Value": "a"}, {"Key": "Team", "Value": "b"}]


def refusal(call: Callable[..., Any], **parameters: Any) -> str:
    """The code of the error that the call ends in."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


def make_user(name: str = "a") -> str:
    return str(world.iam().create_user(UserName=name)["User"]["UserName"])


def document_of(size: int) -> str:
    """A policy document of that many characters, and some white space."""
    document = json.dumps({**json.loads(DOCUMENT), "Id": ""})
    return document.replace('"Id": ""', f'"Id": "{"x" * (size - len("".join(document.split())))}"')


@pytest.mark.parametrize("kind", DEPENDENTS)
def test_a_user_with_a_dependent_cannot_be_deleted(kind: str) -> None:
    """DeleteUser refuses as long as one thing of any kind hangs on the user."""
    DEPENDENTS[kind](make_user())
    assert refusal(world.iam().delete_user, UserName="a") == "DeleteConflict"


def test_user_names_differ_in_more_than_case() -> None:
    """CreateUser refuses a name that another user has in other letters."""
    make_user("Provazio")
    assert refusal(world.iam().create_user, UserName="provazio") == "EntityAlreadyExists"


def test_policy_names_differ_in_more_than_case_and_path() -> None:
    """CreatePolicy refuses a name that another policy has in other letters or under a path."""
    make_policy("p")
    code = refusal(
        world.iam().create_policy, PolicyName="P", Path="/other/", PolicyDocument=DOCUMENT
    )
    assert code == "EntityAlreadyExists"


def test_tag_keys_of_a_user_differ_in_more_than_case() -> None:
    """CreateUser and TagUser refuse keys that differ in case only."""
    iam = world.iam()
    assert refusal(iam.create_user, UserName="b", Tags=DIFFERING_IN_CASE) == "InvalidInput"
    assert refusal(iam.tag_user, UserName=make_user(), Tags=DIFFERING_IN_CASE) == "InvalidInput"


def test_a_tag_key_of_a_user_replaces_its_other_spelling() -> None:
    """TagUser leaves one tag of keys that differ in case only: the last, as it was written."""
    iam, name = world.iam(), make_user()
    for tag in DIFFERING_IN_CASE:
        iam.tag_user(UserName=name, Tags=[tag])

    assert iam.list_user_tags(UserName=name)["Tags"] == DIFFERING_IN_CASE[-1:]


def test_a_user_has_at_most_fifty_tags() -> None:
    """TagUser counts the tags that there are; one that is replaced is not counted twice."""
    iam, name = world.iam(), make_user()
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]
    iam.tag_user(UserName=name, Tags=tags[:50])
    iam.tag_user(UserName=name, Tags=tags[:50])

    assert refusal(iam.tag_user, UserName=name, Tags=tags[50:]) == "LimitExceeded"


def test_an_eleventh_policy_is_not_attached() -> None:
    """AttachUserPolicy keeps to the quota of ten, which attaching one again does not touch."""
    make_user()
    arns = [make_policy(f"p{number}") for number in range(11)]
    for arn in [*arns[:10], arns[0]]:
        world.iam().attach_user_policy(UserName="a", PolicyArn=arn)
    assert world.iam().get_policy(PolicyArn=arns[0])["Policy"]["AttachmentCount"] == 1
    code = refusal(world.iam().attach_user_policy, UserName="a", PolicyArn=arns[10])
    assert code == "LimitExceeded"


def test_policy_documents_have_a_size_limit() -> None:
    """CreatePolicy and CreatePolicyVersion take 6,144 characters, white space not counted."""
    iam = world.iam()
    fitting, oversize = document_of(6144), document_of(6145)
    arn = iam.create_policy(PolicyName="p", PolicyDocument=fitting)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=fitting)
    assert refusal(iam.create_policy, PolicyName="q", PolicyDocument=oversize) == "LimitExceeded"
    code = refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=oversize)
    assert code == "LimitExceeded"


def test_a_sixth_policy_version_is_not_made() -> None:
    """CreatePolicyVersion keeps to the quota of five versions."""
    arn = make_policy()
    for _ in range(4):
        world.iam().create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT)
    code = refusal(world.iam().create_policy_version, PolicyArn=arn, PolicyDocument=DOCUMENT)
    assert code == "LimitExceeded"


def attach_to_group(arn: str) -> None:
    world.iam().create_group(GroupName="g")
    world.iam().attach_group_policy(GroupName="g", PolicyArn=arn)


def attach_to_role(arn: str) -> None:
    world.iam().create_role(RoleName="r", AssumeRolePolicyDocument=DOCUMENT)
    world.iam().attach_role_policy(RoleName="r", PolicyArn=arn)


USES: dict[str, Callable[[str], Any]] = {
    "user": lambda arn: world.iam().attach_user_policy(UserName=make_user(), PolicyArn=arn),
    "group": attach_to_group,
    "role": attach_to_role,
    "boundary": lambda arn: world.iam().create_user(UserName="a", PermissionsBoundary=arn),
}


@pytest.mark.parametrize("use", USES)
def test_a_policy_in_use_cannot_be_deleted(use: str) -> None:
    """DeletePolicy refuses while the policy is attached to anything, or limits anything."""
    arn = make_policy()
    USES[use](arn)
    assert refusal(world.iam().delete_policy, PolicyArn=arn) == "DeleteConflict"


def test_a_policy_with_two_versions_cannot_be_deleted() -> None:
    """DeletePolicy refuses until every version but the default one is deleted."""
    arn = make_policy()
    world.iam().create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT)
    assert refusal(world.iam().delete_policy, PolicyArn=arn) == "DeleteConflict"
    world.iam().delete_policy_version(PolicyArn=arn, VersionId="v2")
    world.iam().delete_policy(PolicyArn=arn)
    assert world.policy_names() == []


def make_key() -> tuple[str, Callable[..., Any]]:
    """The id of a new access key, and GetCallerIdentity as the function calls it with that key."""
    made = world.iam().create_access_key(UserName=make_user())["AccessKey"]
    key = AccessKey(made["AccessKeyId"], made["CreateDate"], made["SecretAccessKey"])
    return key.access_key_id, clients.sts_client(key).get_caller_identity


def test_a_third_access_key_is_not_made() -> None:
    """CreateAccessKey keeps to the quota of two keys, Inactive ones counted."""
    make_key()
    second = world.iam().create_access_key(UserName="a")["AccessKey"]["AccessKeyId"]
    world.iam().update_access_key(UserName="a", AccessKeyId=second, Status="Inactive")
    assert refusal(world.iam().create_access_key, UserName="a") == "LimitExceeded"


@pytest.mark.usefixtures("kind")
def test_sts_knows_active_keys_only() -> None:
    """GetCallerIdentity refuses a key from the moment it is Inactive, and one that is deleted."""
    access_key_id, get_caller_identity = make_key()
    assert get_caller_identity()["Arn"] == f"{ACCOUNT}:user/a"
    world.iam().update_access_key(UserName="a", AccessKeyId=access_key_id, Status="Inactive")
    assert refusal(get_caller_identity) == "InvalidClientTokenId"
    world.iam().update_access_key(UserName="a", AccessKeyId=access_key_id, Status="Active")
    assert get_caller_identity()["Arn"] == f"{ACCOUNT}:user/a"
    world.iam().delete_access_key(UserName="a", AccessKeyId=access_key_id)
    with pytest.raises(ClientError) as error:
        get_caller_identity()
    assert error.value.response["Error"]["Code"] == "InvalidClientTokenId"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_sts_does_not_know_a_key_that_iam_never_made() -> None:
    """GetCallerIdentity refuses a key of the right shape that belongs to no user."""
    unknown = AccessKey("AKIA" + "Z" * 16, datetime.now(UTC), "secret")
    assert refusal(clients.sts_client(unknown).get_caller_identity) == "InvalidClientTokenId"


def test_sts_knows_the_clients_of_the_tests() -> None:
    """GetCallerIdentity works with the credentials that are in the environment."""
    assert world.client("sts").get_caller_identity()["Account"] == "123456789012"


def put(value: str, *stages: str, token: str | None = None) -> str:
    """Put a value, as AWSCURRENT unless told otherwise; returns its VersionId."""
    answer = world.secretsmanager().put_secret_value(
        SecretId="s",
        SecretString=value,
        ClientRequestToken=token or str(uuid4()),
        VersionStages=list(stages or ["AWSCURRENT"]),
    )
    return str(answer["VersionId"])


def stages() -> dict[str, list[str]]:
    """The sorted labels of each version that DescribeSecret knows."""
    found = world.secretsmanager().describe_secret(SecretId="s")["VersionIdsToStages"]
    return {version: sorted(labels) for version, labels in found.items()}


@pytest.fixture
def secret(aws: None) -> None:
    world.secretsmanager().create_secret(Name="s")


@pytest.mark.usefixtures("secret")
def test_the_name_of_a_secret_that_awaits_deletion_is_taken() -> None:
    """CreateSecret refuses the name until the secret is really gone, in words of its own."""
    secretsmanager = world.secretsmanager()
    assert refusal(secretsmanager.create_secret, Name="s") == "ResourceExistsException"
    secretsmanager.delete_secret(SecretId="s")
    with pytest.raises(ClientError, match="scheduled for deletion") as error:
        secretsmanager.create_secret(Name="s")
    assert error.value.response["Error"]["Code"] == "InvalidRequestException"
    secretsmanager.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    assert secretsmanager.create_secret(Name="s")["Name"] == "s"


@pytest.mark.usefixtures("secret")
def test_a_secret_that_awaits_deletion_is_neither_read_nor_written() -> None:
    """Value, key and labels of such a secret are out of reach until RestoreSecret."""
    secretsmanager, version = world.secretsmanager(), put("one")
    secretsmanager.delete_secret(SecretId="s")
    calls: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (secretsmanager.put_secret_value, {"SecretString": "two"}),
        (secretsmanager.put_secret_value, {"SecretString": "one", "ClientRequestToken": version}),
        (secretsmanager.get_secret_value, {}),
        (secretsmanager.get_secret_value, {"VersionStage": "AWSPREVIOUS"}),
        (secretsmanager.update_secret, {"KmsKeyId": "alias/other"}),
        (secretsmanager.tag_resource, {"Tags": [{"Key": "k", "Value": "v"}]}),
        (secretsmanager.untag_resource, {"TagKeys": ["k"]}),
        (
            secretsmanager.update_secret_version_stage,
            {"VersionStage": "other", "MoveToVersionId": version},
        ),
    ]
    for call, parameters in calls:
        assert refusal(call, SecretId="s", **parameters) == "InvalidRequestException"
    assert "DeletedDate" in secretsmanager.describe_secret(SecretId="s")
    secretsmanager.restore_secret(SecretId="s")
    assert secretsmanager.get_secret_value(SecretId="s")["SecretString"] == "one"


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("stage", ["AWSCURRENT", "AWSPENDING"])
def test_a_version_keeps_its_value(stage: str) -> None:
    """PutSecretValue with a known token changes nothing, and refuses another value."""
    put("zero")
    version = put("one", stage)
    before = stages()
    assert put("one", "AWSCURRENT", token=version) == version
    assert refusal(put, value="two", token=version) == "ResourceExistsException"
    assert stages() == before
    value = world.secretsmanager().get_secret_value(SecretId="s", VersionId=version)
    assert value["SecretString"] == "one"


@pytest.mark.usefixtures("secret")
def test_a_label_moved_by_put_sits_on_one_version() -> None:
    """PutSecretValue takes its labels from other versions, and leaves them the rest."""
    first = put("one", "AWSCURRENT", "kept", "moved")
    second = put("two", "AWSCURRENT", "moved")
    assert stages() == {first: ["AWSPREVIOUS", "kept"], second: ["AWSCURRENT", "moved"]}


@pytest.mark.usefixtures("secret")
def test_a_version_without_labels_is_not_found_by_stage() -> None:
    """What AWSPREVIOUS left is in no answer any more."""
    for value in ("one", "two", "three"):
        put(value, "AWSCURRENT")
    values = [
        world.secretsmanager().get_secret_value(SecretId="s", VersionStage=stage)["SecretString"]
        for stage in ("AWSCURRENT", "AWSPREVIOUS")
    ]
    assert values == ["three", "two"]
    assert len(stages()) == 2
    code = refusal(world.secretsmanager().get_secret_value, SecretId="s", VersionStage="AWSPENDING")
    assert code == "ResourceNotFoundException"


@pytest.mark.usefixtures("secret")
def test_what_is_current_after_a_move_is_what_the_next_value_follows() -> None:
    """UpdateSecretVersionStage swaps AWSCURRENT and AWSPREVIOUS, for readers and writers alike."""
    first, second = put("one"), put("two")
    world.secretsmanager().update_secret_version_stage(
        SecretId="s",
        VersionStage="AWSCURRENT",
        RemoveFromVersionId=second,
        MoveToVersionId=first,
    )
    assert stages() == {first: ["AWSCURRENT"], second: ["AWSPREVIOUS"]}
    assert world.secretsmanager().get_secret_value(SecretId="s")["SecretString"] == "one"
    third = put("three")
    assert stages() == {first: ["AWSPREVIOUS"], third: ["AWSCURRENT"]}


@pytest.mark.usefixtures("secret")
def test_a_label_is_not_taken_from_a_version_that_is_not_named() -> None:
    """UpdateSecretVersionStage moves a label if its holder is named, and never drops AWSCURRENT."""
    first, second = put("one", "AWSCURRENT", "label"), put("two")
    move = world.secretsmanager().update_secret_version_stage
    code = refusal(move, SecretId="s", VersionStage="label", MoveToVersionId=second)
    assert code == "InvalidParameterException"
    code = refusal(move, SecretId="s", VersionStage="AWSCURRENT", RemoveFromVersionId=second)
    assert code == "InvalidParameterException"
    assert stages() == {first: ["AWSPREVIOUS", "label"], second: ["AWSCURRENT"]}


def test_tag_value_with_other_characters_is_refused(aws: None) -> None:
    """IAM takes no tag value with characters such as angle brackets."""
    world.iam().create_user(UserName="Tagged")
    with pytest.raises(ClientError, match="InvalidInput"):
        world.iam().tag_user(UserName="Tagged", Tags=[{"Key": "a", "Value": "<b"}])
