"""Settings and deletion of the provider: what they may do to users that live."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from doubles import late_cloudformation, world
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import LambdaContext, Stack
from doubles.interleave import Interleaving, Invocation, Turn
from handler import app
from handler.errors import StillBusyError
from lifecycle.test_memory import runs

__all__ = ["runs"]  # A fixture.

BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
NARROWER = "arn:aws:iam::123456789012:policy/narrower"
HELD: dict[str, Any] = {
    "IamPath": "/restricted/",
    "SecretPrefix": "restricted/",
    "PermissionsBoundaryArn": BOUNDARY,
    "PolicyTemplate": "",
}
USER: dict[str, Any] = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
MOVES = {"IamPath": "/elsewhere/", "SecretPrefix": "elsewhere/"}


@pytest.fixture
def provider(new_stack: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The provider's own stack, whose function knows it, with its resource made."""
    made = new_stack(
        name="provider", logical_id="Settings", resource_type="Custom::RestrictedIAMUserProvider"
    )
    monkeypatch.setenv("PROVIDER_STACK_ID", made.stack_id)
    answer = made.create(**HELD)
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return made


@pytest.fixture
def app_stack(new_stack: Callable[..., Stack]) -> Stack:
    """Another stack, with a user that lives."""
    made = new_stack(name="analytics", logical_id="Installer")
    answer = made.create(**USER)
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return made


@pytest.fixture
def narrower(provider: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function of the provider works with another boundary already, as when Settings hears."""
    document = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}'
    )
    world.iam().create_policy(PolicyName="narrower", PolicyDocument=document)
    monkeypatch.setenv("PERMISSIONS_BOUNDARY_ARN", NARROWER)


def boundary(user_name: str = "Provazio") -> str:
    return str(world.user(user_name)["PermissionsBoundary"]["PermissionsBoundaryArn"])


@pytest.mark.parametrize(("name", "value"), MOVES.items())
def test_move_under_a_living_user_is_refused(
    provider: Stack, app_stack: Stack, name: str, value: str
) -> None:
    """The Reason names setting and user and says what to do; the roll-back passes."""
    answer = provider.update(**HELD | {name: value})

    assert answer["Status"] == "FAILED"
    assert f"{name} cannot become {value}" in answer["Reason"]
    assert "Provazio (stack analytics, resource Installer)" in answer["Reason"]
    assert f"Leave {name} as it was" in answer["Reason"]


@pytest.mark.parametrize(("name", "value"), MOVES.items())
def test_move_without_users_succeeds(provider: Stack, name: str, value: str) -> None:
    """Where nobody lives, nobody is stranded."""
    assert provider.update(**HELD | {name: value})["Status"] == "SUCCESS"


def test_own_user_counts_for_a_move(provider: Stack, new_stack: Callable[..., Stack]) -> None:
    """The user of the provider's own stack would be stranded as well."""
    stack = new_stack(name="other")
    stack.stack_id = provider.stack_id
    provider.set_status("UPDATE_IN_PROGRESS")
    stack.properties = USER
    assert stack.send("Create")["Status"] == "SUCCESS"

    answer = provider.update(**HELD | {"IamPath": "/elsewhere/"})

    assert "Provazio (stack provider, resource RestrictedUser)" in answer["Reason"]


def test_made_again_with_a_move_is_refused(provider: Stack, app_stack: Stack) -> None:
    """A resource under another logical id, or taken out and put back, is no way round."""
    assert provider.delete()["Status"] == "FAILED"
    provider.set_status("UPDATE_IN_PROGRESS")
    provider.logical_id, provider.properties = "Settings2", HELD | {"IamPath": "/elsewhere/"}

    assert "IamPath cannot become" in provider.send("Create")["Reason"]


def test_way_back_after_a_refusal_without_roll_back(provider: Stack, app_stack: Stack) -> None:
    """In a stack without roll-back the last good template comes as an Update, which passes."""
    provider.disable_rollback()
    provider.set_status("UPDATE_IN_PROGRESS")
    moved = HELD | {"SecretPrefix": "elsewhere/"}
    provider.properties = moved
    assert provider.send("Update", HELD)["Status"] == "FAILED"

    provider.properties = HELD

    assert provider.send("Update", moved)["Status"] == "SUCCESS"


def test_many_users_are_named_in_part(provider: Stack, new_stack: Callable[..., Stack]) -> None:
    """Ten users stand in the Reason, which has room for what to do."""
    for number in range(12):
        stack = new_stack(name=f"stack-{number:02}", logical_id="Installer")
        stack.create(**USER | {"UserName": f"user-{number:02}"})

    reason = provider.update(**HELD | {"IamPath": "/elsewhere/"})["Reason"]

    assert reason.count("(stack ") == 10
    assert "and others. The provider could no longer" in reason


def test_user_of_a_stack_that_is_gone_holds_nothing_up(provider: Stack, app_stack: Stack) -> None:
    """A user that its stack has kept asks for nothing any more."""
    app_stack.set_status("DELETE_COMPLETE")
    assert provider.update(**HELD | {"IamPath": "/elsewhere/"})["Status"] == "SUCCESS"
    provider.set_status("UPDATE_COMPLETE")
    app_stack.forget()

    assert provider.delete()["Status"] == "SUCCESS"


def test_user_that_was_kept_and_made_again_elsewhere_holds_nothing_up(
    provider: Stack, app_stack: Stack
) -> None:
    """One that a Create of the same resource has left behind is nobody's."""
    app_stack.set_status("UPDATE_IN_PROGRESS")
    app_stack.properties = USER | {"UserName": "Next"}
    assert app_stack.send("Create")["Status"] == "SUCCESS"
    app_stack.physical_id = "Next"
    assert app_stack.delete()["Status"] == "SUCCESS"
    assert world.user_names() == ["Provazio"]

    assert provider.delete()["Status"] == "SUCCESS"


def test_user_deleted_by_hand_holds_nothing_up(provider: Stack, app_stack: Stack) -> None:
    """What the table still holds of a user is no user, and one made like it is somebody else's."""
    world.replace_user()
    assert provider.update(**HELD | {"IamPath": "/elsewhere/"})["Status"] == "SUCCESS"
    world.delete_user()

    assert provider.delete()["Status"] == "SUCCESS"


def test_new_boundary_reaches_every_user(
    provider: Stack, app_stack: Stack, narrower: None, new_stack: Callable[..., Stack]
) -> None:
    """The update that narrows the boundary ends when every living user has it."""
    other = new_stack(name="reports", logical_id="Installer")
    other.create(**USER | {"UserName": "Reporter"})
    assert boundary() == BOUNDARY

    answer = provider.update(**HELD | {"PermissionsBoundaryArn": NARROWER})

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert boundary() == boundary("Reporter") == NARROWER
    assert provider.update(**HELD | {"PermissionsBoundaryArn": NARROWER})["Status"] == "SUCCESS"


def test_new_boundary_spares_what_is_not_ours(
    provider: Stack, app_stack: Stack, narrower: None
) -> None:
    """A user made by hand under the name of one of ours keeps the boundary that it has."""
    world.replace_user()

    answer = provider.update(**HELD | {"PermissionsBoundaryArn": NARROWER})

    assert answer["Status"] == "SUCCESS"
    assert "PermissionsBoundary" not in world.user()


def test_new_boundary_waits_for_the_role(
    provider: Stack, app_stack: Stack, narrower: None, calls: Calls, slept: list[float]
) -> None:
    """IAM may not know yet that the role may put it."""
    deny_boundary(calls, times=1)

    answer = provider.update(**HELD | {"PermissionsBoundaryArn": NARROWER})

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert boundary() == NARROWER


def test_roll_back_passes_whatever_the_role_allows(
    provider: Stack, app_stack: Stack, narrower: None, calls: Calls, slept: list[float]
) -> None:
    """A boundary that the role may not put fails the update, and not the roll-back."""
    deny_boundary(calls, times=1000)

    answer = provider.update(**HELD | {"PermissionsBoundaryArn": NARROWER})

    assert answer["Status"] == "FAILED"
    assert "AWS refused PutUserPermissionsBoundary: AccessDenied" in answer["Reason"]
    provider.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    provider.properties = HELD | {"PermissionsBoundaryArn": NARROWER}
    assert provider.send("Update", HELD)["Status"] == "SUCCESS"
    assert boundary() == BOUNDARY


def test_new_boundary_comes_after_a_request_that_is_being_served(
    provider: Stack, app_stack: Stack, narrower: None, slept: list[float]
) -> None:
    """It waits for the lease of the user's resource, and works on our own again afterwards."""
    hold_lease(app_stack)

    answer = provider.update(**HELD | {"PermissionsBoundaryArn": NARROWER})

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert boundary() == NARROWER
    assert sum(slept) > 60


@pytest.mark.usefixtures("told_at_once")
def test_cancelled_update_stops(
    provider: Stack, app_stack: Stack, narrower: None, calls: Calls
) -> None:
    """When the stack turns back, and its roll-back waits, no further user gets the boundary."""

    def turn_back() -> None:
        provider.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
        world.client("dynamodb").update_item(
            TableName="state",
            Key={"Resource": {"S": f"{provider.stack_id}#Settings"}},
            UpdateExpression="SET Waiting = :waiter",
            ExpressionAttributeValues={":waiter": {"S": "roll-back"}},
        )

    calls.first["dynamodb:Scan"] = turn_back
    provider.set_status("UPDATE_IN_PROGRESS")
    provider.properties = HELD | {"PermissionsBoundaryArn": NARROWER}

    answer = provider.send("Update", HELD)

    assert "UPDATE_ROLLBACK_IN_PROGRESS meanwhile" in answer["Reason"]
    assert boundary() == BOUNDARY


def test_user_that_is_being_made_is_waited_for(
    provider: Stack, new_stack: Callable[..., Stack], slept: list[float]
) -> None:
    """Who has begun, and has not said what, may be about to make a user under the old settings."""
    hold_lease(new_stack(name="analytics", logical_id="Installer"))

    assert provider.update(**HELD | {"IamPath": "/elsewhere/"})["Status"] == "SUCCESS"
    assert sum(slept) > 60


def test_request_comes_again_when_the_wait_is_too_long(
    provider: Stack, new_stack: Callable[..., Stack], slept: list[float]
) -> None:
    """Without an answer Lambda delivers it again."""
    hold_lease(new_stack(name="analytics", logical_id="Installer"), seconds=600)
    provider.set_status("UPDATE_IN_PROGRESS")

    event = provider.event("Update", HELD)
    late_cloudformation.sends(event)
    with pytest.raises(StillBusyError):
        app.lambda_handler(event, LambdaContext())


def test_user_that_is_at_work_counts(provider: Stack, app_stack: Stack) -> None:
    """A user whose request is being served lives, whatever IAM says of it."""
    world.delete_user()
    hold_lease(app_stack)

    assert "Provazio" in provider.delete()["Reason"]


def test_provider_stays_while_users_of_others_live(provider: Stack, app_stack: Stack) -> None:
    """The deletion names them and says what to do; it passes when they are gone."""
    answer = provider.delete()

    assert answer["Status"] == "FAILED"
    assert "Provazio (stack analytics, resource Installer)" in answer["Reason"]
    assert "then delete this stack again" in answer["Reason"]
    assert app_stack.delete()["Status"] == "SUCCESS"
    assert provider.delete()["Status"] == "SUCCESS"


def test_provider_goes_with_its_own_user(provider: Stack, new_stack: Callable[..., Stack]) -> None:
    """A user of the provider's own stack, even one that is kept, does not hold it up."""
    own = new_stack(name="other")
    own.stack_id = provider.stack_id
    own.create(**USER)

    assert provider.delete()["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    "status",
    [
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    ],
)
def test_resource_alone_may_go(provider: Stack, app_stack: Stack, status: str) -> None:
    """An update takes it away again, or goes to a template without it; the provider stays."""
    provider.set_status(status)

    assert provider.send("Delete")["Status"] == "SUCCESS"


def test_roll_back_of_the_first_creation_is_a_deletion(provider: Stack, app_stack: Stack) -> None:
    """Whoever was so quick as to embed it would be stranded."""
    provider.set_status("ROLLBACK_IN_PROGRESS")

    assert provider.send("Delete")["Status"] == "FAILED"


def test_other_stack_has_no_settings(provider: Stack, new_stack: Callable[..., Stack]) -> None:
    """The type is for the provider's own stack; nobody else's says how it works."""
    other = new_stack(name="other", logical_id="Settings", resource_type=provider.resource_type)

    answer = other.create(**HELD | {"IamPath": "/elsewhere/"})

    assert "for the stack of the provider alone" in answer["Reason"]


def test_idle_stack_asks_for_nothing(provider: Stack) -> None:
    """An event that somebody sends while the provider's stack is not at work is refused."""
    provider.set_status("UPDATE_COMPLETE")

    assert "is in UPDATE_COMPLETE" in provider.send("Update", HELD)["Reason"]


def test_repeated_event_gets_its_answer_again(
    provider: Stack, app_stack: Stack, narrower: None, calls: Calls
) -> None:
    """Nothing but the table is asked the second time."""
    provider.update(**HELD | {"PermissionsBoundaryArn": NARROWER})
    before = len(calls.names)

    assert provider.deliver(provider.last_event)["Status"] == "SUCCESS"
    assert not calls.beside_table(before)


def test_overtaken_event_is_refused(provider: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that died and comes again after the next one changes nothing."""
    provider.set_status("UPDATE_IN_PROGRESS")
    died = provider.event("Update", HELD)
    late_cloudformation.sends(died)

    def die(*_: Any) -> None:
        raise StillBusyError

    with monkeypatch.context() as patch:
        patch.setattr("handler.lifecycle.provider_settings.known_users", die)
        with pytest.raises(StillBusyError):
            app.lambda_handler(died, LambdaContext())
    assert provider.send("Update", HELD)["Status"] == "SUCCESS"

    late_cloudformation.sends(provider.event("Update", HELD))
    assert "had gone on; nothing was touched" in provider.deliver(died)["Reason"]


def update_and_roll_back(provider: Stack, runs: Interleaving) -> tuple[Invocation, Invocation]:
    """Both requests of an update that begins now, and that is not rolled back yet."""
    wanted = HELD | {"PermissionsBoundaryArn": NARROWER}
    provider.properties = wanted
    given_up = runs.invoke("A", provider.event("Update", HELD))
    provider.properties = HELD
    back = runs.invoke("B", provider.event("Update", wanted))
    provider.set_status("UPDATE_IN_PROGRESS")
    return given_up, back


def test_update_that_comes_after_its_roll_back_is_refused(
    provider: Stack, app_stack: Stack, narrower: None, runs: Interleaving
) -> None:
    """It died before anybody knew of it; the roll-back was sent after it, and has been served."""
    given_up, back = update_and_roll_back(provider, runs)
    given_up.kill(before=0)
    with runs.explained():
        runs.alone(given_up)
        runs.now += 30.0
        provider.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
        again, back.wakes = runs.invocations[-1], runs.now
        runs.alone(back)
        again.wakes = runs.now  # CloudFormation still tells that the resource is rolled back.
        runs.play()
        (late,) = again.answers
        assert "had gone on; nothing was touched" in late["Reason"]
        assert boundary() == BOUNDARY


def test_roll_back_does_not_stop_when_somebody_waits(
    provider: Stack, app_stack: Stack, narrower: None, runs: Interleaving
) -> None:
    """A second delivery of what it gives up waits while the boundary is put back."""
    given_up, back = update_and_roll_back(provider, runs)
    given_up.kill(before=7)
    with runs.explained():
        runs.alone(given_up)
        again = runs.invocations[-1]
        provider.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
        late_cloudformation.sends(back.event)
        back.wakes = again.wakes = runs.now
        runs.alone(back, "dynamodb:Scan")
        runs.play(Turn(again))
        back.succeeded()
        assert boundary() == BOUNDARY


def test_bad_properties_are_named(provider: Stack) -> None:
    """One sentence each, and nothing is touched."""
    provider.set_status("UPDATE_IN_PROGRESS")
    provider.properties = HELD | {"IamPath": ["/a/"], "Colour": "red"}

    reason = provider.send("Update", HELD)["Reason"]

    assert "2 problems" in reason
    assert "'IamPath' is not a property of Custom::RestrictedIAMUserProvider, or not a" in reason
    assert "'Colour' is not a property" in reason


def test_roll_back_to_another_version_passes(provider: Stack, app_stack: Stack) -> None:
    """The function may be that of the other version still, or already."""
    provider.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    provider.properties = {"Colour": "red"}

    assert provider.send("Update", HELD)["Status"] == "SUCCESS"
    assert boundary() == BOUNDARY


def test_one_template_for_all_is_refused_where_others_live(
    provider: Stack, app_stack: Stack, new_stack: Callable[..., Stack]
) -> None:
    """A boundary as narrow as one template would cut off users of other stacks with another."""
    eks = new_stack(name="kubernetes", logical_id="Installer")
    assert eks.create(UserName="Eks", PolicyTemplate="eks", Serial="1")["Status"] == "SUCCESS"

    answer = provider.update(**HELD | {"PolicyTemplate": "vanilla"})

    assert answer["Status"] == "FAILED"
    assert "Eks (stack kubernetes, resource Installer)" in answer["Reason"]
    assert "Provazio" not in answer["Reason"]
    assert "OnlyPolicyTemplate=false" in answer["Reason"]
    assert eks.delete()["Status"] == "SUCCESS"
    assert provider.update(**HELD | {"PolicyTemplate": "vanilla"})["Status"] == "SUCCESS"


def test_other_template_than_the_only_one_is_refused(
    new_stack: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under its boundary the user could not work; the one that is served is made."""
    monkeypatch.setenv("POLICY_TEMPLATE", "vanilla")
    stack = new_stack()

    refused = stack.create(**USER | {"PolicyTemplate": "eks"})

    assert "PolicyTemplate must be vanilla, the only one" in refused["Reason"]
    assert stack.create(**USER)["Status"] == "SUCCESS"


def deny_boundary(calls: Calls, times: int) -> None:
    """The role may not put a boundary, so many times."""
    name = "iam:PutUserPermissionsBoundary"
    denied: Any = {"Error": {"Code": "AccessDenied", "Message": "Not authorized."}}

    def deny() -> None:
        deny_boundary(calls, times - 1)
        raise ClientError(denied, "PutUserPermissionsBoundary")

    if times:
        calls.first[name] = deny


def hold_lease(stack: Stack, seconds: float = 60) -> None:
    """Somebody else is at work on the resource of a stack, and dies."""
    world.client("dynamodb").update_item(
        TableName="state",
        Key={"Resource": {"S": f"{stack.stack_id}#{stack.logical_id}"}},
        UpdateExpression="SET LeaseHolder = :other, LeaseEnds = :ends",
        ExpressionAttributeValues={
            ":other": {"S": "other"},
            ":ends": {"N": str(time.time() + seconds)},
        },
    )
