"""One call of a rotation goes wrong, or its steps come in any order; the rotation ends well."""

import itertools
import time
from collections.abc import Callable, Iterator

import pytest

from doubles import direct_moto, strict_moto, world
from doubles.account import fresh_aws
from doubles.aws_calls import Calls, Fault, KilledError
from doubles.clock import DELIVERED_AGAIN_AFTER, Clock
from doubles.combinations import COMBINATIONS
from doubles.fake_cloudformation import ResponseUrl, Stack
from doubles.secrets_manager import STEPS, SecretsManager
from handler.errors import RotationRefusedError
from support.rotated_secret import PROPERTIES, current, is_whole
from support.sample import Sample

MOST_CALLS = 40

Scenes = Callable[[str], Iterator[tuple[int, Stack, SecretsManager, Calls]]]

ORDERS = [
    order
    for length in range(6)
    for order in itertools.product(STEPS, repeat=length)
    if length < 3 or sum(a == b for a, b in itertools.pairwise(order)) > length - 3
]


def test_every_order_of_repeats(
    rotation: SecretsManager, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked for in whatever order first, the four steps then make one key current."""
    direct_moto.install(monkeypatch)
    for order in sample.cases(ORDERS):
        old = current()
        rotation.begin()
        for step in order:
            try:
                rotation.take(step)
            except RotationRefusedError:
                continue
        rotation.take(*STEPS)

        assert current() != old, order
        assert rotation.stages()[rotation.token][0] == "AWSCURRENT", order
        is_whole()
        COMBINATIONS["orders of rotation steps"] += 1


@pytest.fixture
def scenes(
    monkeypatch: pytest.MonkeyPatch,
    responses: ResponseUrl,
    clock: Clock,
    sample: Sample,
) -> Scenes:
    """New scenes, one for each call, until a fault finds none."""
    strict_moto.install(monkeypatch)
    direct_moto.install(monkeypatch)

    def numbered(kind: str) -> Iterator[tuple[int, Stack, SecretsManager, Calls]]:
        for at in sample.cut_points(MOST_CALLS):
            calls = Calls()
            with fresh_aws(calls):
                stack = Stack(responses)
                assert stack.create(**PROPERTIES)["Status"] == "SUCCESS"
                rotation = SecretsManager()
                rotation.rotate()  # So that both slots are taken.
                yield at, stack, rotation, calls
            if not calls.happened:
                assert at > 3
                return
            COMBINATIONS[kind] += 1
        pytest.fail("the step makes more calls than this test reaches")

    return numbered


def interrupted(rotation: SecretsManager, calls: Calls, step: str, at: int, fault: Fault) -> None:
    """Take the steps up to this one, during which a call goes wrong, and let a minute pass.

    The lease of a holder that died, or that the table did not hear of, ends little later.
    """
    rotation.begin()
    rotation.take(*STEPS[: STEPS.index(step)])
    calls.arm(at, fault)
    try:
        rotation.take(step)
    except (RotationRefusedError, KilledError):
        time.sleep(DELIVERED_AGAIN_AFTER)
    finally:
        calls.disarm()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", Fault)
def test_step_cut_off_and_tried_again(
    scenes: Scenes,
    step: str,
    fault: Fault,
) -> None:
    """A rotation cut off at any call of any step ends well when it begins again."""
    for at, stack, rotation, calls in scenes("rotation step, tried again"):
        old = current()
        interrupted(rotation, calls, step, at, fault)
        assert len(world.keys()) <= 2
        assert world.keys()[current()] == "Active"
        rotation.take(*STEPS)

        assert current() != old
        is_whole()
        assert stack.update(**PROPERTIES, Revision="2")["Data"]["AccessKeyId"] == current()
        is_whole()


@pytest.mark.parametrize("follow", ["update", "rotate", "delete"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", [Fault.KILLED, Fault.LOST])
def test_step_cut_off_for_good(
    scenes: Scenes,
    step: str,
    fault: Fault,
    follow: str,
) -> None:
    """A rotation cut off at any call, and never taken up, is mended by the stack's next request."""
    for at, stack, rotation, calls in scenes("rotation step, cut off for good"):
        interrupted(rotation, calls, step, at, fault)
        if follow == "delete":
            assert stack.delete()["Status"] == "SUCCESS"
            assert world.nothing_is_left()
            continue
        before, serial = current(), "2" if follow == "rotate" else "1"
        answer = stack.update(**PROPERTIES | {"Serial": serial}, Revision="2")
        assert answer["Status"] == "SUCCESS", answer["Reason"]
        assert (current() == before) == (follow == "update")
        is_whole()
        rotation.rotate()
        is_whole()
