"""The log says what was decided and changed, and why; the metrics count it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from doubles import strict_scheduler, world
from doubles.aws_calls import Calls, Fault
from doubles.fake_cloudformation import LambdaContext, Stack
from doubles.secrets_manager import SecretsManager
from doubles.world import iam
from handler import app, rotation_function
from handler.cloudformation.request import PROVIDER_TYPE
from handler.errors import StillBusyError
from handler.facts import NAMESPACE, Metric
from support.rotated_secret import PROPERTIES as SCHEDULED

PROPERTIES: dict[str, Any] = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
ROTATED = PROPERTIES | {"Serial": "2"}
_KEYS_OF_A_LINE = ("stack_id", "logical_id", "user_name")


class Heard:
    """The lines and the metrics since the last time that somebody asked."""

    def __init__(
        self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        self._capsys, self._caplog = capsys, caplog

    def metrics(self) -> list[tuple[str, float, dict[str, str]]]:
        """Name, value and dimensions of each, as CloudWatch reads them from the log."""
        return list(self._metrics())

    def values(self) -> dict[str, float]:
        """The sum of each."""
        values: dict[str, float] = {}
        for name, value, _ in self._metrics():
            values[name] = values.get(name, 0) + value
        return values

    def lines(self) -> list[dict[str, Any]]:
        """The lines, with what was given for them alone."""
        records = [vars(record) for record in self._caplog.records]
        self._caplog.clear()
        return [record for record in records if record["levelname"] in ("INFO", "ERROR")]

    def facts(self) -> list[str]:
        return [str(line["message"]) for line in self.lines()]

    def _metrics(self) -> Iterator[tuple[str, float, dict[str, str]]]:
        for line in self._capsys.readouterr().out.splitlines():
            if not line.startswith('{"_aws"'):
                continue
            emitted = json.loads(line)
            (metric,) = emitted["_aws"]["CloudWatchMetrics"]
            assert metric["Namespace"] == NAMESPACE
            name = metric["Metrics"][0]["Name"]
            (dimensions,) = metric["Dimensions"]
            yield name, emitted[name][0], {one: emitted[one] for one in dimensions}


@pytest.fixture
def heard(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Heard:
    caplog.set_level("INFO")
    return Heard(capsys, caplog)


def test_each_decision_and_change_is_one_line(stack: Stack, heard: Heard) -> None:
    """A rotation is told as decided, made, accepted, published and served, and why."""
    stack.create(**PROPERTIES)
    heard.lines()
    answer = stack.update(**ROTATED)
    lines = heard.lines()
    told = [line["message"] for line in lines]

    assert told == [
        "Rotate", "CreateAccessKey", "KeyAccepted", "PutSecretValue", "CreateSchedule", "Served",
    ]  # fmt: skip
    assert lines[0]["why"] == "another key is asked for"
    assert lines[1]["access_key_id"] == answer["Data"]["AccessKeyId"]
    assert lines[3]["secret"] == "restricted/Provazio"


def test_lines_are_keyed(stack: Stack, calls: Calls) -> None:
    """Each line can be found by stack, logical id, request and user."""
    stack.create(**PROPERTIES)
    keys = app.logger.registered_formatter.log_format  # type: ignore[attr-defined]

    assert keys["stack_id"] == stack.stack_id
    assert keys["logical_id"] == "RestrictedUser"
    assert keys["user_name"] == "Provazio"
    assert keys["request_id"]


@pytest.mark.parametrize("what", ["provider", "Create that failed", "no name"])
def test_what_is_no_user_is_not_told_as_one(stack: Stack, what: str) -> None:
    """The id of the provider's own resource, or one that is no user's name, is no `user_name`."""
    stack.create(**PROPERTIES)
    stack.physical_id = "no name" if what == "no name" else "not-created:1"
    if what == "provider":
        stack.resource_type, stack.physical_id = PROVIDER_TYPE, "provider"
    stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    stack.send("Delete")
    keys = app.logger.registered_formatter.log_format  # type: ignore[attr-defined]

    assert "user_name" not in keys
    assert keys["request_type"] == "Delete"


def test_requests_are_counted_by_type_and_result(stack: Stack, heard: Heard) -> None:
    """Two that succeed and one that is refused; the key of a Create replaces none."""
    stack.create(**PROPERTIES)
    created = heard.metrics()
    stack.update(**ROTATED)
    updated = heard.metrics()
    stack.update(**PROPERTIES | {"PolicyTemplate": "no-such-template"})
    refused = heard.metrics()

    def requests(metrics: list[tuple[str, float, dict[str, str]]]) -> list[dict[str, str]]:
        return [
            {name: text for name, text in dimensions.items() if name != "service"}
            for metric, _, dimensions in metrics
            if metric == Metric.REQUESTS
        ]

    assert requests(created) == [{"operation": "Create", "result": "Succeeded"}]
    assert requests(updated) == [{"operation": "Update", "result": "Succeeded"}]
    assert requests(refused) == [
        {"operation": "Update", "result": "Failed"},
        {"operation": "Update", "result": "Succeeded"},  # The roll-back.
    ]
    assert Metric.ROTATIONS not in {name for name, _, _ in created}
    assert Metric.ROTATIONS in {name for name, _, _ in updated}
    assert Metric.FAILED_REQUESTS in {name for name, _, _ in refused}
    for _, _, dimensions in created + updated + refused:
        assert "service" in dimensions  # The alarms of the template look for it.


def test_request_that_comes_again_is_no_failure(
    stack: Stack, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Lambda delivers again is counted apart, and alarms nobody."""

    def busy(*_: object) -> None:
        raise StillBusyError

    monkeypatch.setattr(app, "serve", busy)
    with pytest.raises(StillBusyError):
        stack.create(**PROPERTIES)

    ((metric, _, dimensions),) = heard.metrics()
    assert (metric, dimensions["result"]) == (Metric.REQUESTS, "ComesAgain")


def test_scheduled_rotation_is_counted(rotation: SecretsManager, heard: Heard) -> None:
    """A rotation by Secrets Manager counts like one by the stack, and says whose key it was."""
    heard.metrics()
    heard.lines()
    rotation.rotate()

    assert heard.values()[Metric.ROTATIONS] == 1
    keys = rotation_function.logger.registered_formatter.log_format  # type: ignore[attr-defined]
    assert keys["user_name"] == SCHEDULED["UserName"]


@pytest.mark.usefixtures("told_at_once")
def test_rotation_that_gives_way_is_told_from_one_that_fails(
    rotation: SecretsManager, stack: Stack, heard: Heard
) -> None:
    """While the stack is at work a rotation is put off; a version of nobody fails."""
    heard.metrics()
    stack.set_status("UPDATE_IN_PROGRESS")
    rotation.begin()
    with pytest.raises(Exception, match="has to wait"):
        rotation.take("createSecret")
    put_off = heard.values()
    with pytest.raises(Exception, match="no step of a rotation"):
        rotation_function.lambda_handler({}, LambdaContext())

    assert put_off == {Metric.ROTATIONS_PUT_OFF: 1}
    assert heard.values() == {Metric.FAILED_ROTATIONS: 1}


def test_key_that_somebody_disabled_is_noticed(stack: Stack, heard: Heard) -> None:
    """Remediation deactivates old keys; the next request says so and counts it."""
    key_id = stack.create(**PROPERTIES)["Data"]["AccessKeyId"]
    iam().update_access_key(UserName="Provazio", AccessKeyId=key_id, Status="Inactive")
    heard.metrics()
    heard.lines()
    stack.update(**PROPERTIES | {"PreviousKeyGraceHours": "5"})

    assert heard.values()[Metric.KEYS_DISABLED_BY_OTHERS] == 1
    assert "KeyDisabledByOthers" in heard.facts()


def test_end_of_a_grace_that_fails_is_counted(
    stack: Stack, heard: Heard, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It raises, so that Lambda tries it again, and is counted each time."""
    later = datetime.now(UTC) + timedelta(days=2)
    stack.create(**PROPERTIES)
    stack.update(**ROTATED)
    heard.metrics()
    monkeypatch.setattr("handler.clock.now", lambda: later)
    (schedule,) = world.schedules()
    calls.arm(3, Fault.REFUSED)
    with pytest.raises(Exception, match="It broke"):
        strict_scheduler.fire(schedule)

    assert heard.values() == {Metric.FAILED_RETIREMENTS: 1}
    strict_scheduler.fire(schedule)
    assert heard.facts()[-1] == "Retired"


def test_end_of_a_grace_that_comes_again_is_no_failure(
    stack: Stack, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a request is being served, Lambda delivers the end of the grace again."""
    stack.create(**PROPERTIES)
    stack.update(**ROTATED)
    heard.metrics()

    def busy(*_: object) -> None:
        raise StillBusyError

    monkeypatch.setattr(app, "retire", busy)
    (schedule,) = world.schedules()
    with pytest.raises(StillBusyError):
        strict_scheduler.fire(schedule)

    assert heard.metrics() == []
