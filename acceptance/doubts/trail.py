"""What CloudTrail tells of the provider's calls, minutes after they were made."""

import json
from collections import Counter
from typing import Any

from acceptance.doubts.laboratory import Laboratory, NotAnsweredError

_TOLD_WITHIN_SECONDS = 900
_LAST_CALL, _USERS = "DeleteUser", 2


def refused_calls(lab: Laboratory) -> list[str]:
    """Calls of the provider and of the rotation function that were refused, as CloudTrail tells."""
    names = lab.course.functions
    events: list[dict[str, Any]] = []
    if not names:
        raise NotAnsweredError("the provider was not deployed")

    def told() -> bool:
        lab.pause()  # LookupEvents takes two calls a second.
        events[:] = [event for name in names for event in _events(lab, name)]
        return [event["eventName"] for event in events].count(_LAST_CALL) >= _USERS

    complete = lab.until(told, _TOLD_WITHIN_SECONDS) is not None
    if not events:
        raise NotAnsweredError(
            "CloudTrail tells of no call yet; later: aws cloudtrail lookup-events "
            f"--lookup-attributes AttributeKey=Username,AttributeValue={names[0]}, in this region "
            f"and in {lab.account.home_of_iam}"
        )
    calls = Counter(
        f"{event['eventSource'].removesuffix('.amazonaws.com')}:{event['eventName']} "
        f"({event['errorCode']})"
        for event in events
        if "errorCode" in event
    )
    refused = {call: n for call, n in calls.items() if "Denied" in call or "Unauthorized" in call}
    others = {call: n for call, n in calls.items() if call not in refused}
    return [
        f"Refused: {_listed(refused)}, of {len(events)} calls"
        + ("" if complete else " told so far; the last ones were not there yet"),
        f"Other errors: {_listed(others)}",
        "Calls of DynamoDB's items are not told by CloudTrail without a trail of their own.",
    ]


def _listed(calls: dict[str, int]) -> str:
    return ", ".join(f"{call} {count} times" for call, count in sorted(calls.items())) or "none"


def _events(lab: Laboratory, function_name: str) -> list[dict[str, Any]]:
    found = {}
    for region in {lab.account.region, lab.account.home_of_iam}:
        pages = (
            lab.account.client("cloudtrail", region)
            .get_paginator("lookup_events")
            .paginate(
                LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": function_name}]
            )
        )
        for page in pages:
            for event in page["Events"]:
                found[event["EventId"]] = json.loads(event["CloudTrailEvent"])
    return list(found.values())
