"""Random operations, failures, late deliveries and hands, on two stacks that compete for names."""

import json
import random
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from moto.iam.models import iam_backends
from moto.moto_api._internal import mock_random
from moto.scheduler.models import scheduler_backends
from moto.secretsmanager.models import secretsmanager_backends

from doubles import direct_moto, strict_moto, strict_scheduler, world
from doubles.account import fresh_aws
from doubles.aws_calls import Calls, Fault, KilledError
from doubles.clock import DELIVERED_AGAIN_AFTER, Clock
from doubles.combinations import COMBINATIONS
from doubles.fake_cloudformation import ACCOUNT_ID, REGION, ResponseUrl, Stack
from doubles.invariants import FOREIGN, foreign_things, plant_foreign_things
from doubles.secrets_manager import STEPS as ROTATION_STEPS
from doubles.secrets_manager import SecretsManager
from handler.cloudformation import response
from handler.cloudformation.request import generated_user_name
from handler.errors import RotationRefusedError, UnansweredError
from handler.model.owner import LOGICAL_ID_TAG, STACK_TAG, Owner
from handler.state.record import Record
from support.sample import Sample

SEQUENCES = 1000
SHARES = 4  # So that several workers can share them.
STEPS = 6
INVENTED = "restricted-iam-user-RestrictedUser-1A2B3C4D5E"
POLICIES = {"vanilla": [""], "eks": ["", "Eks", "EksIam"]}

GIVEN_UP = {
    "CREATE_IN_PROGRESS": "ROLLBACK_IN_PROGRESS",
    "UPDATE_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
}
FIRST = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "PolicyName": "Base", "Serial": "1"}

Properties = dict[str, Any]
Event = dict[str, Any]
Trouble = tuple[int, Fault] | None

USER_NAMES = st.sampled_from(["Provazio", "Second"])
POLICY_NAMES = st.sampled_from(["Base", "Other"])
SERIALS = st.sampled_from(["1", "2", "3"])
SHARED = st.just("restricted/shared")
MONTHLY = "rate(30 days)"
STATUSES = st.sampled_from(["Active", "Inactive"])
PROPERTIES = st.fixed_dictionaries(
    {"PolicyTemplate": st.just("vanilla"), "PolicyName": POLICY_NAMES},
    optional={
        "UserName": USER_NAMES,
        "Serial": SERIALS,
        "SecretName": SHARED,
        "RotationSchedule": st.just(MONTHLY),
        "Status": STATUSES,
        "RetirePreviousKey": st.just("OnTime"),
    },
)
# One change of an Update; None takes the property away.
CHANGES: st.SearchStrategy[Properties] = st.one_of(
    st.fixed_dictionaries({"Serial": SERIALS | st.none()}),
    st.fixed_dictionaries({"PolicyTemplate": st.sampled_from(["eks", "vanilla", "none-such"])}),
    st.fixed_dictionaries({"PolicyName": POLICY_NAMES | st.just(FOREIGN)}),
    st.fixed_dictionaries({"SecretName": SHARED | st.none() | st.just(f"restricted/{FOREIGN}")}),
    st.fixed_dictionaries({"UserName": USER_NAMES | st.none() | st.just(FOREIGN)}),
    st.fixed_dictionaries({"UserName": USER_NAMES | st.none(), "Serial": SERIALS}),
    st.fixed_dictionaries({"RotationSchedule": st.just(MONTHLY) | st.none(), "Serial": SERIALS}),
    st.fixed_dictionaries({"UserName": USER_NAMES, "SecretName": SHARED | st.none()}),
    st.fixed_dictionaries({"Serial": SERIALS, "SecretName": SHARED | st.none()}),
    st.fixed_dictionaries({"Status": STATUSES | st.none()}),
    st.fixed_dictionaries({"Status": STATUSES, "Serial": SERIALS}),
    st.fixed_dictionaries({"RetirePreviousKey": st.just("OnTime") | st.none(), "Serial": SERIALS}),
    st.just({"NoSuchProperty": "1"}),
)
TROUBLES = st.none() | st.tuples(st.sampled_from(range(40)), st.sampled_from(Fault))
STACKS = st.sampled_from([0, 1])
WAYS = st.sampled_from(["Update", "Delete", "both", "replay"])


@dataclass(frozen=True)
class Echo:
    """Which event of the operation is delivered again, and when."""

    moment: str
    which: int


ECHOES = st.none() | st.builds(
    Echo, st.sampled_from(["at once", "turned", "afterwards"]), st.integers(0, 2)
)


@dataclass
class Resource:
    """What one stack should have: nothing, or a user with these properties and this key.

    `left` are properties and keys of what was left behind when the resource was retained.
    """

    stack: Stack
    properties: Properties | None = None
    key: str = ""
    sent: list[Event] = field(default_factory=list)
    left: list[tuple[Properties, str]] = field(default_factory=list)

    @property
    def user_name(self) -> str:
        return self.name_in(self.properties or {})

    def name_in(self, properties: Properties) -> str:
        """The user with these properties; without a name of its own it has a generated one."""
        owner = Owner(self.stack.stack_id, self.stack.logical_id)
        return str(properties.get("UserName", generated_user_name(owner)))

    def secret_in(self, properties: Properties) -> str:
        return str(properties.get("SecretName", f"restricted/{self.name_in(properties)}"))

    def things(self, properties: Properties) -> set[tuple[str, str]]:
        """Kind and name of everything that the resource has with these properties."""
        suffixes = POLICIES.get(properties["PolicyTemplate"], [])
        policies = {("policy", properties["PolicyName"] + suffix) for suffix in suffixes}
        user, secret = ("user", self.name_in(properties)), ("secret", self.secret_in(properties))
        return {user, secret, *policies}

    @property
    def present(self) -> list[tuple[Properties, str]]:
        """Properties and keys of all that there should be, retained or not."""
        return [*self.left, *([] if self.properties is None else [(self.properties, self.key)])]

    @property
    def record(self) -> Record:
        """What the table remembers."""
        key = {"Resource": {"S": f"{self.stack.stack_id}#{self.stack.logical_id}"}}
        item = world.client("dynamodb").get_item(TableName="state", Key=key).get("Item", {})
        return Record.parse(item["Record"]["S"]) if "Record" in item else Record()

    def forget(self) -> None:
        """Somebody removes the item."""
        key = {"Resource": {"S": f"{self.stack.stack_id}#{self.stack.logical_id}"}}
        world.client("dynamodb").delete_item(TableName="state", Key=key)


def tagged_things() -> dict[tuple[str, str], str | None]:
    """Everything in the account, with the stack that its tags name."""
    iam = iam_backends[ACCOUNT_ID]["aws"]
    found: dict[tuple[str, str], Any] = {}
    for user in iam.users.values():
        found["user", user.name] = user.get_tags() if hasattr(user, "get_tags") else user.tags
    for policy in iam.managed_policies.values():
        if policy.path == world.PATH:
            found["policy", policy.name] = [*policy.tags.values()]
    for secret in secrets().values():
        found["secret", secret.name] = secret.tags
    return {thing: world.tags({"Tags": tags or ()}).get(STACK_TAG) for thing, tags in found.items()}


def secrets() -> dict[str, Any]:
    found: dict[str, Any] = secretsmanager_backends[ACCOUNT_ID][REGION].secrets
    return found


def keys(user_name: str) -> dict[str, str]:
    user = next(u for u in iam_backends[ACCOUNT_ID]["aws"].users.values() if u.name == user_name)
    return {key.access_key_id: key.status for key in user.access_keys}


def held(secret_name: str) -> dict[str, dict[str, Any]]:
    """What each labelled version of the secret holds, by label."""
    versions = secrets()[secret_name].versions.values()
    return {
        stage: json.loads(version["secret_string"])
        for version in versions
        for stage in version["version_stages"]
    }


def ends(stack_id: str, user_name: str) -> list[str]:
    """The keys of the user that a schedule ends."""
    group = scheduler_backends[ACCOUNT_ID][REGION].schedule_groups["restricted-iam-user"]
    events = [
        json.loads(each.target["Input"])["RetireAccessKey"] for each in group.schedules.values()
    ]
    return sorted(
        event["AccessKeyId"]
        for event in events
        if (event["StackId"], event["UserName"]) == (stack_id, user_name)
    )


def looks_like_a_roll_back(event: Event, resource: Resource) -> bool:
    """Whether an Update that the table never heard of leads to where an earlier event led.

    If it comes again after the stack has turned back, but before the roll-back, the two look the
    same.
    """
    earlier = resource.sent[: resource.sent.index(event)]
    return (
        event["RequestType"] == "Update"
        and resource.record.served(event["RequestId"]) is None
        and any(one["ResourceProperties"] == event["ResourceProperties"] for one in earlier)
    )


# What hands do to a resource, without asking the stack.


def deactivate_key(resource: Resource) -> None:
    world.iam().update_access_key(
        UserName=resource.user_name, AccessKeyId=resource.key, Status="Inactive"
    )


def delete_key(resource: Resource) -> None:
    world.iam().delete_access_key(UserName=resource.user_name, AccessKeyId=resource.key)


def strip_tags(resource: Resource) -> None:
    """The ownership tags of user, policies and secret go."""
    names = [STACK_TAG, LOGICAL_ID_TAG]
    properties = resource.properties or {}
    world.iam().untag_user(UserName=resource.user_name, TagKeys=names)
    for kind, name in resource.things(properties):
        if kind == "policy":
            world.iam().untag_policy(PolicyArn=world.policy(name)["Arn"], TagKeys=names)
    secret = resource.secret_in(properties)
    world.secretsmanager().untag_resource(SecretId=secret, TagKeys=names)


def write_rubbish(resource: Resource) -> None:
    secret = resource.secret_in(resource.properties or {})
    world.secretsmanager().put_secret_value(SecretId=secret, SecretString="[1]")


def forget(resource: Resource) -> None:
    """The item goes; what was left behind is known by it only."""
    if not resource.left:
        resource.forget()


DEEDS = (deactivate_key, delete_key, strip_tags, write_rubbish, forget)
LOSES_KEY = (delete_key, write_rubbish)


FOREIGN_THINGS = {("user", FOREIGN), ("policy", FOREIGN), ("secret", f"restricted/{FOREIGN}")}


class Stacks(RuleBasedStateMachine):
    """Two stacks, the account that they share, and what CloudFormation would do to them."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = ExitStack()
        patches = self.closing.enter_context(pytest.MonkeyPatch.context())
        # As often as a sequence is played, the same happens in it.
        mock_random.seed(0)
        patches.setattr(uuid, "uuid4", lambda: uuid.UUID(int=random.getrandbits(128), version=4))
        self.clock = Clock(float(int(time.time())))
        self.clock.install(patches)
        responses = ResponseUrl()
        patches.setattr(response, "_HTTP", responses)
        strict_moto.install(patches)
        direct_moto.install(patches)
        self.calls = Calls()
        self.closing.enter_context(fresh_aws(self.calls))
        self.foreign = plant_foreign_things()
        self.resources = [Resource(Stack(responses, name=name)) for name in ("first", "second")]
        # Keys that somebody deactivated and that were replaced since: they may have leaked.
        self.off: set[str] = set()
        self.operation: list[Event] = []
        self.echo: Echo | None = None
        self._create(self.resources[0], FIRST, "CREATE_IN_PROGRESS", None, None)

    def teardown(self) -> None:
        try:
            assert foreign_things() == self.foreign
        finally:
            self.closing.close()
        COMBINATIONS["sequences of operations"] += 1

    def _one(self, which: int, *, exists: bool) -> Resource:
        """The resource of that number, or the other one if only that can be operated on."""
        both = [self.resources[which], self.resources[1 - which]]
        return next(one for one in both if (one.properties is not None) == exists)

    def _free(self, resource: Resource, wanted: Properties) -> bool:
        """Whether the properties are good and all their names can be had."""
        taken = set(FOREIGN_THINGS)
        for other in self.resources:
            held = other.left if other is resource else other.present
            for properties, _ in held:
                taken |= other.things(properties)
        good = wanted["PolicyTemplate"] in POLICIES and "NoSuchProperty" not in wanted
        return good and not resource.things(wanted) & taken

    def _serve(
        self, resource: Resource, event: Event, trouble: Trouble = None
    ) -> dict[str, Any] | None:
        """The answer to an event during which one call may go wrong; None when it gets none."""
        if trouble:
            self.calls.arm(*trouble)
        try:
            answer = resource.stack.deliver(event)
        except (KilledError, UnansweredError):
            return None
        finally:
            self.calls.disarm()
        wanted = resource.name_in(event["ResourceProperties"])
        match event["RequestType"], answer["Status"]:
            case ("Delete", _) | ("Update", "FAILED"):
                wanted = event["PhysicalResourceId"]
            case "Create", "FAILED":
                wanted = f"not-created:{event['RequestId']}"
        assert answer["PhysicalResourceId"] == wanted
        return answer

    def _event(
        self,
        resource: Resource,
        request_type: str,
        properties: Properties,
        old: Properties | None = None,
        physical_id: str | None = None,
    ) -> Event:
        resource.stack.properties, resource.stack.physical_id = properties, physical_id
        event = resource.stack.event(request_type, old)
        resource.sent.append(event)
        self.operation.append(event)
        return event

    def _again(self, resource: Resource, moment: str) -> dict[str, Any] | None:
        """One event of the operation delivered again, if this is the moment for it."""
        if self.echo is None or self.echo.moment != moment:
            return None
        event = self.operation[self.echo.which % len(self.operation)]
        if moment == "turned" and looks_like_a_roll_back(event, resource):
            return None
        return self._serve_again(resource, event)

    def _serve_again(self, resource: Resource, event: Event) -> dict[str, Any] | None:
        """Lambda delivers an event again; if it was answered, it gets the same answer."""
        self.clock.sleep(DELIVERED_AGAIN_AFTER)
        remembered = resource.record.answer(event["RequestId"])
        answer = self._serve(resource, event)
        if remembered and answer:
            assert answer["Status"] == remembered.status
            assert answer["Data"] == remembered.data
        return answer

    def _begin(
        self, resource: Resource, status: str, event: Event, trouble: Trouble, *, free: bool
    ) -> dict[str, Any] | None:
        """The answer that CloudFormation takes to the first event of an operation."""
        self.operation = [event]
        resource.stack.set_status(status)
        answer = self._serve(resource, event, trouble)
        if trouble is None:
            assert answer is not None
            assert (answer["Status"] == "SUCCESS") == free, answer["Reason"]
        record = resource.record
        if answer is None and (
            record.answer(event["RequestId"])  # Only the answer was not sent.
            or (resource.left and record.served(event["RequestId"]) is None)
        ):
            answer = self._serve_again(resource, event)
        again = self._again(resource, "at once")
        return answer or again

    def _follow(
        self, resource: Resource, status: str, event: Event, trouble: Trouble = None
    ) -> None:
        """An event that must succeed, if not the first time then when it comes again."""
        self.operation.remove(event)
        resource.stack.set_status(status)
        self._again(resource, "turned")
        self.operation.append(event)
        answer = self._serve(resource, event, trouble)
        if answer is None:
            answer = self._serve_again(resource, event)
        if trouble and answer and answer["Status"] == "FAILED":
            # CloudFormation tries again, or a person does; it is another request then.
            event = self._repeated(resource, event)
            answer = self._serve(resource, event)
        assert answer is not None
        assert answer["Status"] == "SUCCESS", answer["Reason"]
        self._again(resource, "afterwards")

    def _repeated(self, resource: Resource, event: Event) -> Event:
        again = event | {"RequestId": str(uuid.uuid4())}
        resource.sent.append(again)
        self.operation[-1] = again
        return again

    @precondition(lambda self: any(one.properties is None for one in self.resources))
    @rule(
        which=STACKS,
        wanted=PROPERTIES,
        status=st.sampled_from(["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"]),
        trouble=TROUBLES,
        echo=ECHOES,
        later=TROUBLES,
        turn_back=st.booleans() | st.just(False),
        invented=st.booleans(),
    )
    def create(
        self,
        which: int,
        wanted: Properties,
        status: str,
        trouble: Trouble,
        echo: Echo | None,
        later: Trouble,
        turn_back: bool,
        invented: bool,
    ) -> None:
        """A Create, and if it failed or a sibling did, the Delete."""
        resource, self.echo = self._one(which, exists=False), echo
        left = [name for properties, _ in resource.left for name in resource.things(properties)]
        if resource.left:
            status = "UPDATE_IN_PROGRESS"
        # An invented id says nothing of a user that was left behind and asked for again.
        invented = invented and ("user", resource.name_in(wanted)) not in left
        physical_id = INVENTED if invented else resource.name_in(wanted)
        self._create(resource, wanted, status, trouble, later, physical_id, turn_back=turn_back)

    def _create(
        self,
        resource: Resource,
        wanted: Properties,
        status: str,
        trouble: Trouble,
        later: Trouble,
        unanswered_id: str = INVENTED,
        *,
        turn_back: bool = False,
    ) -> None:
        event = self._event(resource, "Create", wanted)
        answer = self._begin(resource, status, event, trouble, free=self._free(resource, wanted))
        if answer and answer["Status"] == "SUCCESS" and not turn_back:
            resource.properties, resource.key = wanted, answer["Data"]["AccessKeyId"]
        else:
            physical_id = answer["PhysicalResourceId"] if answer else unanswered_id
            gone = self._event(resource, "Delete", wanted, physical_id=physical_id)
            self._follow(resource, GIVEN_UP[status], gone, later)
        resource.stack.rest("UPDATE_COMPLETE")

    @precondition(lambda self: any(one.properties is not None for one in self.resources))
    @rule(which=STACKS, change=CHANGES, trouble=TROUBLES, echo=ECHOES, later=TROUBLES, way=WAYS)
    def update(
        self,
        which: int,
        change: Properties,
        trouble: Trouble,
        echo: Echo | None,
        later: Trouble,
        way: str,
    ) -> None:
        """An Update and its cleanup, or if it failed, its roll-back."""
        self._update(which, change, trouble, echo, later, way, turn_back=False)

    @precondition(lambda self: any(one.properties is not None for one in self.resources))
    @rule(which=STACKS, change=CHANGES, trouble=TROUBLES, echo=ECHOES, later=TROUBLES, way=WAYS)
    def update_with_a_failing_sibling(
        self,
        which: int,
        change: Properties,
        trouble: Trouble,
        echo: Echo | None,
        later: Trouble,
        way: str,
    ) -> None:
        """An Update that is rolled back whatever its answer was."""
        self._update(which, change, trouble, echo, later, way, turn_back=True)

    def _update(
        self,
        which: int,
        change: Properties,
        trouble: Trouble,
        echo: Echo | None,
        later: Trouble,
        way: str,
        *,
        turn_back: bool,
    ) -> None:
        resource, self.echo = self._one(which, exists=True), echo
        before, former = resource.properties or {}, resource.user_name
        wanted = {k: v for k, v in (before | change).items() if v is not None}
        if wanted == before:
            return
        event = self._event(resource, "Update", wanted, before, former)
        resource.stack.disable_rollback(way == "replay")
        answer = self._begin(
            resource, "UPDATE_IN_PROGRESS", event, trouble, free=self._free(resource, wanted)
        )
        if answer and answer["Status"] == "SUCCESS" and not turn_back:
            if resource.name_in(wanted) != former:
                gone = self._event(resource, "Delete", before, physical_id=former)
                self._follow(resource, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", gone, later)
            self._updated(resource, wanted, answer["Data"]["AccessKeyId"])
        elif way == "replay":
            self._replay(resource, wanted, answer, later)
        else:
            self._roll_back(resource, wanted, answer, later, way)
        resource.stack.disable_rollback(False)
        resource.stack.rest("UPDATE_COMPLETE")

    @staticmethod
    def _updated(resource: Resource, wanted: Properties, key: str) -> None:
        """The key is another one exactly if the user or what it is made for is another."""
        before = resource.properties or {}
        same = {name: wanted.get(name) for name in wanted | before if name != "Status"}
        kept = ("Serial" in wanted or all(before.get(name) == same[name] for name in same)) and all(
            wanted.get(name) == before.get(name) for name in ("Serial", "UserName")
        )
        assert (key == resource.key) == kept
        resource.properties, resource.key = wanted, key

    def _replay(
        self,
        resource: Resource,
        wanted: Properties,
        answer: dict[str, Any] | None,
        later: Trouble,
    ) -> None:
        """In a stack without roll-back, an ordinary Update leads back to the last good template."""
        before, former = resource.properties or {}, resource.user_name
        done = answer is not None and answer["Status"] == "SUCCESS"
        known = answer["PhysicalResourceId"] if answer and done else former
        back = self._event(resource, "Update", before, wanted, known)
        self._follow(resource, "UPDATE_IN_PROGRESS", back, later)
        if known != former:
            gone = self._event(resource, "Delete", wanted, physical_id=known)
            self._follow(resource, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", gone)

    def _roll_back(
        self,
        resource: Resource,
        wanted: Properties,
        answer: dict[str, Any] | None,
        later: Trouble,
        way: str,
    ) -> None:
        before, former = resource.properties or {}, resource.user_name
        known = answer["PhysicalResourceId"] if answer else former
        done = answer is not None and answer["Status"] == "SUCCESS"
        if known == former or way != "Delete":
            # After a success CloudFormation knows the new id, otherwise it may still use the old.
            physical_id = known if done or way == "both" else former
            back = self._event(resource, "Update", before, wanted, physical_id)
            self._follow(resource, "UPDATE_ROLLBACK_IN_PROGRESS", back, later)
        if known != former and (done or way != "Update"):
            gone = self._event(resource, "Delete", wanted, physical_id=known)
            self._follow(resource, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", gone, later)

    @precondition(lambda self: any(one.properties is not None for one in self.resources))
    @rule(
        which=STACKS,
        status=st.sampled_from(["DELETE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]),
        echo=ECHOES,
        later=TROUBLES,
    )
    def delete_resource(self, which: int, status: str, echo: Echo | None, later: Trouble) -> None:
        """The resource goes, with its stack or out of it."""
        self._delete(which, status, echo, later)

    def _delete(
        self, which: int, status: str, echo: Echo | None = None, later: Trouble = None
    ) -> None:
        resource, self.echo = self._one(which, exists=True), echo
        properties, self.operation = resource.properties or {}, []
        event = self._event(resource, "Delete", properties, physical_id=resource.user_name)
        self.operation = [event, event]
        self._follow(resource, status, event, later)
        resource.properties = None
        resource.stack.rest("UPDATE_COMPLETE")

    @precondition(lambda self: any(one.properties is not None for one in self.resources))
    @rule(which=STACKS)
    def retain(self, which: int) -> None:
        """The resource leaves the template and is retained: the function hears nothing of it."""
        resource = self._one(which, exists=True)
        resource.left.append((resource.properties or {}, resource.key))
        resource.properties, resource.key = None, ""

    @precondition(lambda self: any(one.properties is not None for one in self.resources))
    @rule(which=STACKS, trouble=TROUBLES, at=st.sampled_from(ROTATION_STEPS))
    def rotate(self, which: int, trouble: Trouble, at: str) -> None:
        """A scheduled rotation, of which one call of one step may go wrong."""
        resource = self._one(which, exists=True)
        properties = resource.properties or {}
        if "RotationSchedule" not in properties:
            return
        manager = SecretsManager(resource.secret_in(properties))
        manager.begin()
        for step in ROTATION_STEPS:
            if trouble and step == at:
                self.calls.arm(*trouble)
            try:
                manager.take(step)
            except KilledError:
                self.clock.sleep(DELIVERED_AGAIN_AFTER)
            except RotationRefusedError:
                assert trouble
            finally:
                self.calls.disarm()
        if trouble:
            manager.take(*ROTATION_STEPS)
        key = str(held(manager.name)["AWSCURRENT"]["AccessKeyId"])
        assert key != resource.key
        resource.key = key

    @precondition(lambda self: any(one.properties is not None for one in self.resources))
    @rule(which=STACKS, deed=st.sampled_from(DEEDS), goes=st.booleans())
    def hand(self, which: int, deed: Callable[[Resource], None], goes: bool) -> None:
        """Somebody changes a thing by hand, and the stack's next operation mends or removes it."""
        resource = self._one(which, exists=True)
        deed(resource)
        if goes:
            self._delete(self.resources.index(resource), "DELETE_IN_PROGRESS")
            return
        before = resource.properties or {}
        wanted = before | {"Tags": [{"Key": "mended", "Value": str(uuid.uuid4())}]}
        event = self._event(resource, "Update", wanted, before, resource.user_name)
        answer = self._begin(resource, "UPDATE_IN_PROGRESS", event, None, free=True)
        resource.stack.rest("UPDATE_COMPLETE")
        assert answer
        key = answer["Data"]["AccessKeyId"]
        assert (key != resource.key) == (deed in LOSES_KEY or "Serial" not in before)
        if deed is deactivate_key and key != resource.key:
            self.off.add(resource.key)
        resource.properties, resource.key = wanted, key

    @rule(used=st.booleans())
    def a_day_passes(self, used: bool) -> None:
        """Every schedule fires, once; a replaced key goes unless it is used and may stay for it."""
        self.clock.sleep(25 * 3600.0)
        before = [
            (properties, key, keys(resource.name_in(properties)), resource.name_in(properties))
            for resource in self.resources
            for properties, key in resource.present
        ]
        for _, key, found, _ in before:
            for other in found.keys() - {key} if used else ():
                world.use_key(other, datetime.fromtimestamp(self.clock.now, UTC))
        for schedule in world.schedules():
            strict_scheduler.fire(schedule)
        for properties, key, found, name in before:
            stays = used and "RetirePreviousKey" not in properties
            assert keys(name).keys() == (found.keys() if stays else {key})

    @precondition(lambda self: any(one.sent for one in self.resources))
    @rule(which=STACKS, event=st.integers(0, 20))
    def deliver_late(self, which: int, event: int) -> None:
        """Any earlier event comes again while its stack does nothing."""
        resource = self.resources[which]
        if resource.sent:
            self._serve_again(resource, resource.sent[event % len(resource.sent)])

    @invariant()
    def what_there_is_belongs_to_a_resource(self) -> None:
        """Users, policies and secrets are those of the resources that exist, and no other."""
        wanted: dict[tuple[str, str], str | None] = dict.fromkeys(FOREIGN_THINGS)
        for resource in self.resources:
            for properties, _ in resource.present:
                wanted |= dict.fromkeys(resource.things(properties), resource.stack.stack_id)
        assert tagged_things() == wanted

    @invariant()
    def every_secret_holds_the_key(self) -> None:
        """AWSCURRENT holds the expected key, a schedule ends the other, and `Status` rules both."""
        for resource in self.resources:
            for properties, key in resource.present:
                name = resource.name_in(properties)
                current, found = held(resource.secret_in(properties))["AWSCURRENT"], keys(name)
                assert (current["UserName"], current["AccessKeyId"]) == (name, key)
                assert key in found
                status = properties.get("Status", "Active")
                assert found == {one: "Inactive" if one in self.off else status for one in found}
                assert ends(resource.stack.stack_id, name) == sorted(found.keys() - {key})


@pytest.mark.parametrize("share", range(SHARES))
def test_random_sequences(share: int, sample: Sample) -> None:
    """Whatever happens to two stacks in whatever order, each has what it should have."""
    chosen = settings(
        max_examples=sample.number(SEQUENCES // SHARES),
        stateful_step_count=STEPS,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(share)(Stacks), settings=chosen)
