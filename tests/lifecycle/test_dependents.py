"""Delete removes whatever people hung on the user, and nothing that has a life of its own."""

from typing import Any

import pytest
from moto.iam.exceptions import IAMException
from moto.iam.responses import IamResponse

from doubles import world
from doubles.aws_calls import Calls
from doubles.dependents import DEPENDENTS, DOCUMENT
from doubles.fake_cloudformation import Stack

PROPERTIES = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
LISTS = {
    "signing certificate": "list_signing_certificates",
    "SSH public key": "list_ssh_public_keys",
    "service-specific credential": "list_service_specific_credentials",
    "MFA device": "list_mfa_devices",
}


def refuse(monkeypatch: pytest.MonkeyPatch, action: str, code: str) -> None:
    """Let one action of IAM end in an error."""

    def refused(_: IamResponse) -> Any:
        raise IAMException(code, "No.")

    monkeypatch.setattr(IamResponse, action, refused)


def test_there_are_nine_kinds() -> None:
    """API reference of DeleteUser lists nine kinds of things that must go first."""
    assert len(DEPENDENTS) == 9


@pytest.mark.parametrize("kind", DEPENDENTS)
def test_delete_removes_a_dependent(stack: Stack, kind: str) -> None:
    """A user with one thing of any kind on it is deleted."""
    stack.create(**PROPERTIES)
    DEPENDENTS[kind]("Provazio")
    answer = stack.delete()

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.user_names() == world.secret_names() == []


def test_delete_removes_all_of_them(stack: Stack) -> None:
    """A user with all nine kinds on it is deleted; group and foreign policy themselves stay."""
    stack.create(**PROPERTIES)
    for add in DEPENDENTS.values():
        add("Provazio")
    answer = stack.delete()

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.user_names() == world.secret_names() == []
    assert world.policy_names() == ["p"]
    assert [group["GroupName"] for group in world.iam().list_groups()["Groups"]] == ["g"]
    assert world.iam().get_group(GroupName="g")["Users"] == []


def test_virtual_mfa_device_goes_with_its_user(stack: Stack) -> None:
    """A virtual device of nobody would keep its name taken for ever."""
    stack.create(**PROPERTIES)
    DEPENDENTS["MFA device"]("Provazio")
    stack.delete()

    assert world.iam().list_virtual_mfa_devices()["VirtualMFADevices"] == []


def test_hardware_mfa_device_is_only_taken_off(stack: Stack) -> None:
    """A device with a serial number of its own is a thing; there is nothing to delete in IAM."""
    stack.create(**PROPERTIES)
    world.iam().enable_mfa_device(
        UserName="Provazio",
        SerialNumber="GAHT12345678",
        AuthenticationCode1="123456",
        AuthenticationCode2="654321",
    )
    answer = stack.delete()

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.nothing_is_left()


@pytest.mark.parametrize("code", ["InvalidAction", "ServiceNotSupported"])
@pytest.mark.parametrize("kind", LISTS)
def test_kind_that_the_partition_does_not_offer(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, kind: str, code: str
) -> None:
    """Where IAM does not know a kind of thing, a user has none of it."""
    stack.create(**PROPERTIES)
    for other in DEPENDENTS.keys() - {kind}:
        DEPENDENTS[other]("Provazio")
    refuse(monkeypatch, LISTS[kind], code)
    answer = stack.delete()

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.user_names() == []


@pytest.mark.parametrize(
    "call",
    [
        "ListAccessKeys",
        "UpdateAccessKey",
        "DeleteAccessKey",
        "ListAttachedUserPolicies",
        "DetachUserPolicy",
        "DeleteUser",
    ],
)
def test_user_that_goes_at_the_same_moment(stack: Stack, calls: Calls, call: str) -> None:
    """A user that somebody deletes before any call of the Delete is gone, whatever IAM calls it."""
    stack.create(**PROPERTIES)
    calls.first[f"iam:{call}"] = world.delete_user
    answer = stack.delete()

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.user_names() == []
    assert world.secret_names() == []
    assert not calls.first


def test_kind_that_cannot_be_listed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that IAM refuses for another reason fails the Delete, with the keys made useless."""
    stack.create(**PROPERTIES)
    DEPENDENTS["SSH public key"]("Provazio")
    with monkeypatch.context() as patch:
        refuse(patch, "list_ssh_public_keys", "AccessDenied")
        answer = stack.delete()

    assert answer["Reason"] == "AWS refused ListSSHPublicKeys: AccessDenied: No."
    assert "Active" not in world.keys().values()
    assert stack.delete()["Status"] == "SUCCESS"
    assert world.nothing_is_left()


def test_virtual_mfa_device_that_is_gone_already(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that somebody deletes at the same moment is no reason to fail."""
    stack.create(**PROPERTIES)
    DEPENDENTS["MFA device"]("Provazio")
    refuse(monkeypatch, "delete_virtual_mfa_device", "NoSuchEntity")

    assert stack.delete()["Status"] == "SUCCESS"


def test_policy_that_iam_does_not_let_go(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that cannot be deleted for another reason than its holders fails the Delete."""
    stack.create(**PROPERTIES)
    with monkeypatch.context() as patch:
        refuse(patch, "delete_policy", "AccessDenied")
        answer = stack.delete()

    assert answer["Reason"] == "AWS refused DeletePolicy: AccessDenied: No."
    assert stack.delete()["Status"] == "SUCCESS"
    assert world.nothing_is_left()


def test_policy_that_goes_while_its_versions_are_asked_for(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy with more than one version that somebody deletes at the same moment is gone."""
    arn = stack.create(**PROPERTIES)["Data"]["PolicyArns"]
    world.iam().create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT)
    list_versions = IamResponse.list_policy_versions

    def deleted_meanwhile(response: IamResponse) -> Any:
        response.backend.managed_policies.pop(arn, None)
        return list_versions(response)

    monkeypatch.setattr(IamResponse, "list_policy_versions", deleted_meanwhile)

    assert stack.delete()["Status"] == "SUCCESS"
    assert world.nothing_is_left()
