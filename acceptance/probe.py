"""A function that says what it sees as a provider: inline in a stack, without a package."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore.exceptions import ClientError

VERSION = "1"
LONGEST_SECONDS = 45
OPERATIONS = {
    "Create": ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"),
    "Update": ("UPDATE_IN_PROGRESS",),
    "Back": ("UPDATE_ROLLBACK_IN_PROGRESS",),
    "Delete": ("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"),
}


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    if "Crash" in event:
        raise RuntimeError("As it was asked to.")
    wanted = event.get("ResourceProperties", {})
    kind = event["RequestType"]
    if kind == "Update" and event.get("OldResourceProperties", {}).get("Fail") == "and go back":
        kind = "Back"
    cloudformation: Any = boto3.client("cloudformation")
    stack, logical = event["StackId"], event["LogicalResourceId"]

    def of_stack() -> str:
        found = cloudformation.describe_stacks(StackName=stack)
        return str(found["Stacks"][0]["StackStatus"])

    def of_resource() -> str:
        found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical)
        return str(found["StackResourceDetail"]["ResourceStatus"])

    resource = "UPDATE_IN_PROGRESS" if kind == "Back" else kind.upper() + "_IN_PROGRESS"
    url = urlsplit(event["ResponseURL"])
    # The host alone: the rest of the URL is a right to answer.
    seen = {
        "Kind": kind,
        "LogicalId": logical,
        "Version": VERSION,
        "Host": url.hostname,
        "Stack": late(of_stack, OPERATIONS[kind]),
        "Resource": late(of_resource, (resource,)),
    }
    print("SEEN " + json.dumps(seen))
    failed = "Fail" in wanted and kind != "Delete"
    answer = {
        "Status": "FAILED" if failed else "SUCCESS",
        "Reason": "As it was asked to.",
        "PhysicalResourceId": event.get("PhysicalResourceId", logical),
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    # An empty content type: the URL is signed without one.
    body, headers = json.dumps(answer), {"Content-Type": ""}
    urllib3.PoolManager().request("PUT", event["ResponseURL"], body=body, headers=headers)


def late(ask: Callable[[], str], fitting: tuple[str, ...]) -> dict[str, Any]:
    """How long until the answer fits what we were asked for, and what it was first."""
    started, first = time.monotonic(), ""
    while True:
        try:
            status = ask()
        except ClientError as error:
            status = error.response["Error"]["Code"]
        first = first or status
        seconds = round(time.monotonic() - started, 1)
        if status in fitting or seconds > LONGEST_SECONDS:
            fits = status in fitting
            return {"First": first, "Last": status, "Seconds": seconds, "Fits": fits}
        time.sleep(0.25)
