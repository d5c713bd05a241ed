"""`adopt` shows what it will do, asks, and leads to a take-over; --undo goes back."""

import json
from typing import Any

import pytest

from doubles import world
from doubles.fake_cloudformation import Stack
from operator_tool import adopt

from .conftest import PHYSICAL_IDS, Run

INVITATION = "restricted-iam-user:invited"
FORMER = "restricted-iam-user:former"
BOUNDARY = PHYSICAL_IDS["UserBoundary"]
RESOURCE = ("--stack", "restricted-iam-user", "--logical-id", "RestrictedUser")
PROPERTIES = {
    "UserName": "Provazio",
    "PolicyTemplate": "vanilla",
    "PolicyName": "ManageIguazioSystems",
    "Serial": "1",
}


@pytest.fixture
def by_hand(provider: None) -> str:
    """A hand-made user with a key in use; returns the key's id."""
    world.iam().create_user(UserName="Provazio", Tags=[{"Key": "team", "Value": "data"}])
    key_id = str(world.iam().create_access_key(UserName="Provazio")["AccessKey"]["AccessKeyId"])
    world.use_key(key_id)
    return key_id


def test_adopted_user_is_taken_over(tool: Run, by_hand: str, stack: Stack) -> None:
    """After adopt exactly the invited Create succeeds, and the key of before stays."""
    code, text = tool("adopt", "Provazio", *RESOURCE, "--yes")

    assert code == 0, text
    assert "Move Provazio from path / to /restricted/" in text
    assert "Its ARN becomes arn:aws:iam::123456789012:user/restricted/Provazio." in text
    assert "removes its tags team" in text
    assert world.user()["Path"] == "/restricted/"
    assert world.user()["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    answer = stack.create(**PROPERTIES)
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert set(world.keys()) == {by_hand, answer["Data"]["AccessKeyId"]}
    status = tool("status")
    assert status[0] == 0, status[1]
    assert "inherited" in status[1]


def test_adopting_twice_changes_nothing_more(tool: Run, by_hand: str) -> None:
    """What is done already is not done again."""
    tool("adopt", "Provazio", *RESOURCE, "--yes")
    code, text = tool("adopt", "Provazio", *RESOURCE, "--yes")

    assert code == 0
    assert text.startswith("Nothing to do.")


def test_undo_brings_everything_back(tool: Run, by_hand: str) -> None:
    """Path, boundary and tags are those of before."""
    tool("adopt", "Provazio", *RESOURCE, "--yes")
    code, text = tool("adopt", "Provazio", "--undo", "--yes")

    assert code == 0, text
    assert world.user()["Path"] == "/"
    assert world.tags(world.user()) == {"team": "data"}
    assert tool("adopt", "Provazio", "--undo")[1].startswith("Nothing to do.")


def test_undo_brings_the_boundary_of_before_back(tool: Run, by_hand: str) -> None:
    """A user that had another boundary gets it again."""
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    other = world.iam().create_policy(PolicyName="other", PolicyDocument=document)["Policy"]["Arn"]
    world.iam().put_user_permissions_boundary(UserName="Provazio", PermissionsBoundary=other)
    tool("adopt", "Provazio", *RESOURCE, "--yes")
    tool("adopt", "Provazio", "--undo", "--yes")

    assert world.user()["PermissionsBoundary"]["PermissionsBoundaryArn"] == other


@pytest.mark.parametrize(("answer", "done"), [("y", True), ("", False), ("no", False)])
def test_person_is_asked(
    tool: Run, by_hand: str, monkeypatch: pytest.MonkeyPatch, answer: str, done: bool
) -> None:
    """Only yes changes anything."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _question: answer)
    code, text = tool("adopt", "Provazio", *RESOURCE)

    assert (code == 0) is done
    assert (INVITATION in world.tags(world.user())) is done
    assert done or "Nothing was changed." in text


def test_pipeline_is_not_asked(tool: Run, by_hand: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anybody to ask, and with --json, --yes is demanded."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)

    assert "add --yes" in tool("adopt", "Provazio", *RESOURCE)[1]
    assert "add --yes" in tool("adopt", "Provazio", *RESOURCE, "--json")[1]
    assert world.user()["Path"] == "/"
    code, text = tool("adopt", "Provazio", *RESOURCE, "--json", "--yes")
    assert code == 0
    assert len(json.loads(text)["Done"]) == 3


class Leaving:
    """CloudFormation, telling what became of the resource that had the user."""

    def __init__(self, status: str) -> None:
        self.status = status

    def describe_stack_resource(self, **_: Any) -> dict[str, Any]:
        return {"StackResourceDetail": {"ResourceStatus": self.status}}


def test_living_resource_keeps_its_user(
    tool: Run, installer: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user that a stack still has is not given away: that stack would delete it later."""
    monkeypatch.setattr(adopt, "_client_in", lambda *_: Leaving("CREATE_COMPLETE"))
    code, text = tool("adopt", "Provazio", "--stack", "other", "--logical-id", "X", "--yes")

    assert code == 2
    assert "DeletionPolicy: Retain" in text
    assert INVITATION not in world.tags(world.user())


def test_retained_user_brings_its_belongings(
    tool: Run, installer: Stack, new_stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Policy and secret of a retained user are invited too, and the other stack gets all."""
    monkeypatch.setattr(adopt, "_client_in", lambda *_: Leaving("DELETE_SKIPPED"))
    before = world.keys()
    code, text = tool(
        "adopt", "Provazio", "--stack", "other", "--logical-id", "RestrictedUser", "--yes"
    )
    assert code == 0, text
    answer = new_stack(name="other").create(**PROPERTIES)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.keys() == before


def test_undo_takes_all_invitations_back(
    tool: Run, installer: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """User, policy and secret carry no invitation afterwards, and the user stays where it was."""
    monkeypatch.setattr(adopt, "_client_in", lambda *_: Leaving("DELETE_SKIPPED"))
    tool("adopt", "Provazio", "--stack", "other", "--logical-id", "X", "--yes")
    code, text = tool("adopt", "Provazio", "--undo", "--yes")

    assert code == 0, text
    for held in (world.user(), world.policy("ManageIguazioSystems"), world.described_secret()):
        assert INVITATION not in world.tags(held)
    assert world.user()["Path"] == "/restricted/"


def test_undo_of_a_user_that_a_stack_has_is_refused(tool: Run, installer: Stack) -> None:
    """The way back from a take-over is to delete the resource."""
    code, text = tool("adopt", "Provazio", "--undo", "--yes")

    assert code == 2
    assert "belongs to RestrictedUser of stack restricted-iam-user" in text


def test_full_user_is_warned_of(tool: Run, by_hand: str) -> None:
    """Two keys and many policies are told before anything is changed."""
    world.iam().create_access_key(UserName="Provazio")
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    for number in range(8):
        made = world.iam().create_policy(PolicyName=f"p{number}", PolicyDocument=document)
        world.iam().attach_user_policy(UserName="Provazio", PolicyArn=made["Policy"]["Arn"])
    text = tool("adopt", "Provazio", *RESOURCE, "--yes")[1]

    assert "It has two access keys" in text
    assert "It has 8 policies of the 10" in text
    assert "used Provazio" in text


def test_bad_input_is_one_sentence(tool: Run, by_hand: str) -> None:
    """No such user, no resource, a name too long, no provider, several providers."""
    assert tool("adopt", "Nobody", *RESOURCE)[1].startswith("There is no IAM user Nobody")
    assert "--stack and --logical-id" in tool("adopt", "Provazio")[1]
    assert "too long" in tool("adopt", "Provazio", "--stack", "a" * 250, "--logical-id", "b")[1]
    assert "No provider" in tool("adopt", "Provazio", *RESOURCE, "--path", "/other/")[1]


def test_path_and_boundary_can_be_given(tool: Run, aws: None) -> None:
    """Whoever may not look at stacks names path and boundary."""
    world.iam().create_user(UserName="Provazio")
    code, text = tool(
        "adopt", "Provazio", *RESOURCE, "--yes", "--path", "/p/", "--boundary", BOUNDARY
    )

    assert code == 0, text
    assert world.user()["Path"] == "/p/"
