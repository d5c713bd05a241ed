"""The alarms of template.yaml look at what is written, and somebody is told."""

import re
from typing import Any

import pytest

from handler.facts import NAMESPACE, Metric
from support.templates import PROJECT, load

RESOURCES: dict[str, Any] = load("template.yaml")["Resources"]
ALARMS = {
    name: one["Properties"]
    for name, one in RESOURCES.items()
    if one["Type"] == "AWS::CloudWatch::Alarm"
}
OURS = {name: one for name, one in ALARMS.items() if one["Namespace"] == NAMESPACE}
QUERIES = {
    name: one["Properties"]
    for name, one in RESOURCES.items()
    if one["Type"] == "AWS::Logs::QueryDefinition"
}


def test_alarms_are_for_whoever_names_a_topic() -> None:
    """Without `AlarmTopicArn` there is no alarm, and nothing that only alarms need."""
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::Logs::MetricFilter")
    conditions = {one.get("Condition") for one in RESOURCES.values() if one["Type"] in kinds}

    assert conditions == {"HasAlarms"}


def test_one_alarm_tells_of_all() -> None:
    """Every alarm is in the one that the topic hears, and none has an action of its own."""
    composite = RESOURCES["SomethingFailedAlarm"]["Properties"]
    _, parts = composite["AlarmRule"]["Fn::Join"]

    assert [part["Fn::Sub"] for part in parts] == [f"ALARM(${{{name}}})" for name in ALARMS]
    assert composite["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
    assert [name for name, one in ALARMS.items() if "AlarmActions" in one] == []


@pytest.mark.parametrize("name", OURS)
def test_metric_is_one_that_the_functions_write(name: str) -> None:
    """Namespace, name and dimensions are those that handler.facts writes, or it never fires."""
    (dimension,) = OURS[name]["Dimensions"]

    assert OURS[name]["MetricName"] in set(Metric)
    assert dimension == {"Name": "service", "Value": {"Ref": "AWS::StackName"}}


@pytest.mark.parametrize("function", ["ProviderFunction", "RotationFunction"])
def test_functions_write_them_for_their_stack(function: str) -> None:
    """The dimension is the stack, so that two providers in one account are told apart."""
    variables = RESOURCES[function]["Properties"]["Environment"]["Variables"]

    assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


def test_silence_is_no_alarm() -> None:
    """Where nothing is written for days, nothing has failed."""
    assert {one["TreatMissingData"] for one in ALARMS.values()} == {"notBreaching"}


def test_every_alarm_and_metric_is_explained() -> None:
    """docs/operations.md says of each alarm what it means, and of each metric what it counts."""
    page = (PROJECT / "docs" / "operations.md").read_text()

    assert [name for name in [*ALARMS, *Metric] if f"`{name}`" not in page] == []


@pytest.mark.parametrize("name", QUERIES)
def test_queries_ask_both_functions_for_fields_that_lines_have(name: str) -> None:
    """A field that no line has finds nothing, and nobody notices."""
    first = QUERIES[name]["QueryString"].splitlines()[0]
    asked = re.findall(r"\b[a-z_]+\b", first.partition("@timestamp,")[2])
    code = " ".join(path.read_text() for path in (PROJECT / "src" / "handler").rglob("*.py"))

    assert [one for one in asked if one != "message" and one not in code] == []
    assert QUERIES[name]["LogGroupNames"] == [
        {"Ref": "ProviderLogGroup"},
        {"Ref": "RotationLogGroup"},
    ]
