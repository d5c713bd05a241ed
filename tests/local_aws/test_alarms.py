"""End to end: alarms are made, one of them tells a topic of each, and they go again."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from demo.local_aws import LocalAws, local_aws
from demo.sam import PROVIDER_STACK, Sam

_TOLD_WITHIN_SECONDS = 20


@pytest.fixture(scope="module")
def sam(
    tmp_path_factory: pytest.TempPathFactory, built: Callable[[LocalAws], Sam]
) -> Iterator[Sam]:
    with local_aws(tmp_path_factory.mktemp("aws")) as aws:
        yield built(aws)


def alarms(sam: Sam) -> list[str]:
    """Logical ids of the alarms that are there."""
    found = sam.aws.client("cloudwatch").describe_alarms(
        AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    names = [one["AlarmName"] for one in found["MetricAlarms"] + found["CompositeAlarms"]]
    return sorted(name.removeprefix(f"{PROVIDER_STACK}-").split("-")[0] for name in names)


def listener(aws: Any, topic: str) -> str:
    """A queue that hears what is sent to a topic."""
    queue = str(aws.client("sqs").create_queue(QueueName="on-call")["QueueUrl"])
    arn = f"arn:aws:sqs:{aws.region}:123456789012:on-call"
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": '
        '{"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}]}'
    )
    aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return queue


def heard(aws: Any, queue: str) -> str:
    """What arrived within some seconds."""
    give_up = time.monotonic() + _TOLD_WITHIN_SECONDS
    while time.monotonic() < give_up:
        messages = aws.client("sqs").receive_message(QueueUrl=queue).get("Messages", [])
        if messages:
            return str(messages[0]["Body"])
        time.sleep(0.2)
    return ""


def test_topic_hears_of_an_alarm(sam: Sam) -> None:
    """Eight alarms and the one of all are there; when one begins, the topic is told; then none."""
    aws = sam.aws
    topic = str(aws.client("sns").create_topic(Name="on-call")["TopicArn"])
    queue = listener(aws, topic)
    sam.deploy(PolicyTemplate="none", AlarmTopicArn=topic)

    assert len(alarms(sam)) == 9
    (name,) = [
        one["AlarmName"]
        for one in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
        if "FailedRequests" in one["AlarmName"]
    ]
    aws.client("cloudwatch").set_alarm_state(
        AlarmName=name, StateValue="ALARM", StateReason="It is tried."
    )
    assert "SomethingFailedAlarm" in heard(aws, queue)
    sam.deploy(AlarmTopicArn="")
    assert alarms(sam) == []
