"""One thing goes wrong at one AWS call, and then everything that CloudFormation may do next."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from doubles import direct_moto, strict_moto, strict_scheduler, world
from doubles.account import fresh_aws
from doubles.aws_calls import Calls, Fault, KilledError
from doubles.clock import DELIVERED_AGAIN_AFTER, Clock
from doubles.combinations import COMBINATIONS
from doubles.fake_cloudformation import LambdaContext, ResponseUrl, Stack
from doubles.invariants import (
    foreign_things,
    nothing_of_ours_is_left,
    plant_foreign_things,
)
from handler import app
from handler.errors import UnansweredError
from handler.state.made import MadeKey
from handler.state.record import Record
from support import pairs
from support.pairs import BEFORE, CHANGES, INVENTED, SWITCHING, is_whole
from support.sample import Sample

MOST_CALLS = 100


@dataclass
class Scene:
    """A stack, the calls of the function, and what somebody else owns."""

    stack: Stack
    calls: Calls
    clock: Clock
    foreign: dict[str, Any] = field(default_factory=plant_foreign_things)

    def is_whole(self, properties: dict[str, Any]) -> None:
        is_whole(properties)
        assert foreign_things() == self.foreign

    def is_gone(self) -> None:
        nothing_of_ours_is_left()
        assert foreign_things() == self.foreign

    def send(
        self,
        request_type: str,
        status: str,
        properties: dict[str, Any],
        old_properties: dict[str, Any] | None = None,
        physical_id: str = "Provazio",
    ) -> dict[str, Any]:
        """An event that must succeed."""
        answer = self.stack.deliver(
            self.event(request_type, status, properties, old_properties, physical_id)
        )
        assert answer["Status"] == "SUCCESS", answer["Reason"]
        return answer

    def event(
        self,
        request_type: str,
        status: str,
        properties: dict[str, Any],
        old_properties: dict[str, Any] | None = None,
        physical_id: str = "Provazio",
    ) -> dict[str, Any]:
        self.stack.set_status(status)
        self.stack.properties, self.stack.physical_id = properties, physical_id
        return self.stack.event(request_type, old_properties)

    def serve(self, event: dict[str, Any], at: int, fault: Fault) -> dict[str, Any] | None:
        """The answer to an event during which one call goes wrong; None when it gets none."""
        self.calls.arm(at, fault)
        wanted = event["ResourceProperties"].get("UserName")
        try:
            answer = self.stack.deliver(event)
        except (KilledError, UnansweredError):
            return None
        finally:
            self.calls.disarm()
        match event["RequestType"], answer["Status"]:
            case ("Delete", _) | ("Update", "FAILED"):
                wanted = event["PhysicalResourceId"]
            case "Create", "FAILED":
                wanted = f"not-created:{event['RequestId']}"
        assert answer["PhysicalResourceId"] == wanted
        return answer

    def serve_again(self, event: dict[str, Any], answer: dict[str, Any] | None) -> dict[str, Any]:
        """Lambda delivers the event again: done now, or answered as before without any change."""
        self.clock.sleep(DELIVERED_AGAIN_AFTER)
        before, remembered = len(self.calls.names), self.remembered(event)
        again = self.stack.deliver(event)
        if answer is None:
            assert again["Status"] == (remembered or "SUCCESS"), again["Reason"]
        if remembered:
            assert answer in (again, None)
            beside = [name for name in self.calls.names[before:] if "dynamodb" not in name]
            assert beside == []
        return again

    def fires(self, schedule: dict[str, Any], at: int, fault: Fault) -> None:
        """A schedule fires, one call goes wrong, and Lambda delivers the event again."""
        event = json.loads(schedule["Target"]["Input"])
        self.calls.arm(at, fault)
        with suppress(Exception, KilledError):
            app.lambda_handler(event, LambdaContext())
        self.calls.disarm()
        self.clock.sleep(DELIVERED_AGAIN_AFTER)
        app.lambda_handler(event, LambdaContext())
        strict_scheduler.complete(schedule)

    def record(self, event: dict[str, Any]) -> Record:
        """What the table remembers of the resource of an event."""
        key = {"Resource": {"S": f"{event['StackId']}#{event['LogicalResourceId']}"}}
        table = world.client("dynamodb")
        item = table.get_item(TableName="state", Key=key, ConsistentRead=True).get("Item", {})
        return Record.parse(item["Record"]["S"]) if "Record" in item else Record()

    def remembered(self, event: dict[str, Any]) -> str | None:
        """The status of the answer that the table holds for an event, if it holds one."""
        answer = self.record(event).answer(event["RequestId"])
        return answer.status if answer else None

    def is_late(self, event: dict[str, Any]) -> None:
        """An event comes again after what followed it: refused, or answered as it was."""
        wanted = self.remembered(event) or "FAILED"
        assert self.stack.deliver(event)["Status"] == wanted


@pytest.fixture
def scenes(
    monkeypatch: pytest.MonkeyPatch, responses: ResponseUrl, clock: Clock, sample: Sample
) -> Callable[[str], Iterator[tuple[int, Scene]]]:
    """New scenes, one for each call that an operation makes, until a fault finds none."""
    strict_moto.install(monkeypatch)
    direct_moto.install(monkeypatch)

    def numbered(kind: str) -> Iterator[tuple[int, Scene]]:
        for at in sample.cut_points(MOST_CALLS):
            calls = Calls()
            with fresh_aws(calls):
                yield at, Scene(Stack(responses), calls, clock)
            if not calls.happened:
                return
            COMBINATIONS[kind] += 1
        pytest.fail("the operation makes more calls than this test reaches")

    return numbered


def created(scene: Scene, change: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """A resource before an update: its properties, the wanted ones, and its key."""
    before = pairs.before(change)
    key = scene.send("Create", "CREATE_IN_PROGRESS", before)["Data"]["AccessKeyId"]
    return before, pairs.wanted(change), key


@pytest.mark.parametrize("follow", ["delivered again", "our id", "invented id"])
@pytest.mark.parametrize("fault", Fault)
def test_create(
    scenes: Callable[[str], Iterator[tuple[int, Scene]]], fault: Fault, follow: str
) -> None:
    """A Create cut off anywhere is whole when delivered again, and gone when deleted."""
    for at, scene in scenes("create"):
        event = scene.event("Create", "CREATE_IN_PROGRESS", BEFORE)
        answer = scene.serve(event, at, fault)
        if follow == "delivered again":
            answer = scene.serve_again(event, answer)
            if answer["Status"] == "SUCCESS":
                scene.is_whole(BEFORE)
        known = answer["PhysicalResourceId"] if answer else "Provazio"
        physical_id = INVENTED if follow == "invented id" else known
        scene.send("Delete", "ROLLBACK_IN_PROGRESS", BEFORE, physical_id=physical_id)
        scene.is_gone()


@pytest.mark.parametrize("change", [*CHANGES, *SWITCHING])
@pytest.mark.parametrize("fault", Fault)
def test_update_done_in_the_end(
    scenes: Callable[[str], Iterator[tuple[int, Scene]]], fault: Fault, change: str
) -> None:
    """An Update cut off anywhere is done when delivered again, or if it failed, asked for again."""
    for at, scene in scenes("update, done in the end"):
        scene.stack.disable_rollback()
        before, wanted, _ = created(scene, change)
        event = scene.event("Update", "UPDATE_IN_PROGRESS", wanted, before)
        answer = scene.serve_again(event, scene.serve(event, at, fault))
        if answer["Status"] == "FAILED":
            scene.send("Update", "UPDATE_IN_PROGRESS", wanted, before)
        if wanted["UserName"] != before["UserName"]:
            scene.send("Delete", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", before)
        scene.is_whole(wanted)
        scene.send("Delete", "DELETE_IN_PROGRESS", wanted, physical_id=wanted["UserName"])
        scene.is_gone()


@pytest.mark.parametrize("change", [*CHANGES, *SWITCHING])
@pytest.mark.parametrize("fault", Fault)
def test_update_rolled_back(
    scenes: Callable[[str], Iterator[tuple[int, Scene]]], fault: Fault, change: str
) -> None:
    """Rolled back, an Update cut off anywhere leaves the key there was, even if it comes late."""
    for at, scene in scenes("update, rolled back"):
        before, wanted, key = created(scene, change)
        event = scene.event("Update", "UPDATE_IN_PROGRESS", wanted, before)
        scene.serve(event, at, fault)
        scene.send("Update", "UPDATE_ROLLBACK_IN_PROGRESS", before, wanted)
        scene.is_whole(before)
        assert world.secret(before.get("SecretName", "restricted/Provazio"))["AccessKeyId"] == key
        scene.is_late(event)
        scene.is_whole(before)
        scene.send("Delete", "DELETE_IN_PROGRESS", before)
        scene.is_gone()


def test_late_update_to_a_state_of_before(
    scenes: Callable[[str], Iterator[tuple[int, Scene]]],
) -> None:
    """An Update to where the resource was before is no roll-back when it comes after its own."""
    for at, scene in scenes("update to a state of before, late"):
        before, wanted, _ = created(scene, "rotate")
        scene.send("Update", "UPDATE_IN_PROGRESS", wanted, before)
        key = scene.send("Update", "UPDATE_IN_PROGRESS", before, wanted)["Data"]["AccessKeyId"]
        event = scene.event("Update", "UPDATE_IN_PROGRESS", wanted, before)
        scene.serve(event, at, Fault.KILLED)
        scene.send("Update", "UPDATE_ROLLBACK_IN_PROGRESS", before, wanted)
        scene.is_late(event)
        assert world.secret()["AccessKeyId"] == key
        scene.is_whole(before)


@pytest.mark.parametrize("change", [change for change in CHANGES if "rename" in change])
@pytest.mark.parametrize("swapped", [True, False], ids=["swapped Update first", "Delete only"])
@pytest.mark.parametrize("fault", Fault)
def test_replacement_rolled_back(
    scenes: Callable[[str], Iterator[tuple[int, Scene]]],
    fault: Fault,
    swapped: bool,
    change: str,
) -> None:
    """In either order that CloudFormation may choose, the new user goes and the old one stays."""
    for at, scene in scenes("replacement, rolled back"):
        before, wanted, key = created(scene, change)
        event = scene.event("Update", "UPDATE_IN_PROGRESS", wanted, before)
        scene.serve(event, at, fault)
        if swapped:
            scene.send("Update", "UPDATE_ROLLBACK_IN_PROGRESS", before, wanted, "Second")
        status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
        scene.send("Delete", status, wanted, physical_id="Second")
        scene.is_whole(before)
        assert world.secret(before.get("SecretName", "restricted/Provazio"))["AccessKeyId"] == key


@pytest.mark.parametrize("used", [True, False], ids=["in use", "unused"])
@pytest.mark.parametrize("fault", Fault)
def test_end_of_grace(
    scenes: Callable[[str], Iterator[tuple[int, Scene]]], fault: Fault, used: bool
) -> None:
    """The end of a grace that is cut off anywhere ends the key, or puts its end off once."""
    for at, scene in scenes("end of a grace"):
        before, wanted, old = created(scene, "rotate")
        key = scene.send("Update", "UPDATE_IN_PROGRESS", wanted, before)["Data"]["AccessKeyId"]
        scene.stack.set_status("UPDATE_COMPLETE")
        scene.clock.sleep(24 * 3600 + 60)
        if used:
            world.use_key(old, datetime.fromtimestamp(scene.clock.now, UTC))
        (schedule,) = world.schedules()
        scene.fires(schedule, at, fault)
        assert world.keys() == ({old: "Active"} if used else {}) | {key: "Active"}
        record = scene.record(scene.stack.event("Update"))
        assert record.user("Provazio").keys.get(old, MadeKey("", "")).put_off == int(used)
        scene.is_whole(wanted)


@pytest.mark.parametrize("physical_id", ["Provazio", INVENTED], ids=["our id", "invented id"])
@pytest.mark.parametrize("fault", Fault)
def test_delete(
    scenes: Callable[[str], Iterator[tuple[int, Scene]]], fault: Fault, physical_id: str
) -> None:
    """A Delete cut off anywhere ends with nothing left when it is sent again."""
    for at, scene in scenes("delete"):
        scene.send("Create", "CREATE_IN_PROGRESS", BEFORE)
        scene.send("Update", "UPDATE_IN_PROGRESS", BEFORE | {"Serial": "2"}, BEFORE)
        event = scene.event("Delete", "DELETE_IN_PROGRESS", BEFORE, physical_id=physical_id)
        answer = scene.serve_again(event, scene.serve(event, at, fault))
        if answer["Status"] == "FAILED":
            scene.send("Delete", "DELETE_IN_PROGRESS", BEFORE, physical_id=physical_id)
        scene.is_gone()
