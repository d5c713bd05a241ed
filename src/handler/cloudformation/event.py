"""Whether something is an event of a custom resource at all; nothing in it is trusted before.

AWS CloudFormation User Guide, "Custom resource request objects".
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from handler.model.owner import Location

_STACK_ID = re.compile(
    r"arn:[a-z-]{1,20}:cloudformation:[a-z0-9-]{1,30}:[0-9]{12}"
    r":stack/[A-Za-z0-9-]{1,128}/[A-Za-z0-9-]{1,64}"
)
# What every answer repeats, so that it always stays below CloudFormation's 4,096 bytes, even where
# JSON writes a character as two; one that is not printable would become six.
_MOST_BYTES = {"RequestId": 128, "LogicalResourceId": 255, "PhysicalResourceId": 1024}
_LOOPBACK = ("localhost", "127.0.0.1")
_TEXTS = ("RequestType", "RequestId", "StackId", "LogicalResourceId", "ResponseURL")
_OPTIONAL: dict[str, type] = {
    "PhysicalResourceId": str,
    "ResourceProperties": dict,
    "OldResourceProperties": dict,
}


def envelope_problem(event: object, location: Location) -> str | None:
    """Why something is not an event that may be answered, or None."""
    if not isinstance(event, dict):
        return "it is not an object"
    return next(_envelope_problems(event, location), None)


def _envelope_problems(event: dict[str, Any], location: Location) -> Iterator[str]:
    for name in _TEXTS:
        if not isinstance(event.get(name), str):
            yield f"{name} is not a text"
    for name, kind in _OPTIONAL.items():
        if not isinstance(event.get(name, kind()), kind):
            yield f"{name} is not a {kind.__name__}"
    yield from _id_problems(event)
    if event.get("RequestType") not in ("Create", "Update", "Delete"):
        yield "RequestType is none of Create, Update and Delete"
    if any(name.startswith("CrHelper") for name in event):  # By which crhelper knows its polls.
        yield "it is made to look like crhelper's own"
    if not _leads_to_cloudformation(str(event.get("ResponseURL")), location):
        yield "ResponseURL does not lead to CloudFormation"


def _id_problems(event: dict[str, Any]) -> Iterator[str]:
    for name, most in _MOST_BYTES.items():
        if not _fits(name, str(event.get(name, ""))):
            yield f"{name} is longer than {most} bytes, or not printable"
    if not _STACK_ID.fullmatch(str(event.get("StackId"))):
        yield "StackId is not the ARN of a stack"


def names_resource(stack_id: str, logical_id: str) -> bool:
    """Whether both are ids that CloudFormation may give."""
    return bool(_STACK_ID.fullmatch(stack_id)) and _fits("LogicalResourceId", logical_id)


def _fits(name: str, text: str) -> bool:
    return text.isprintable() and len(text.encode()) <= _MOST_BYTES[name]


def _leads_to_cloudformation(url: str, location: Location) -> bool:
    """Whether an answer would reach CloudFormation's own bucket of this region.

    The bucket's name is in the User Guide under "VPC endpoints"; which of S3's endpoints comes with
    it is said nowhere (S3 endpoints and quotas: legacy, regional, FIPS and dual-stack ones), and a
    false refusal would hang the stack. A local AWS listens on the loopback address; inside Lambda
    nobody does, so nothing can be learned or reached by naming it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # It is no address at all.
        return False
    bucket = f"cloudformation-custom-resource-response-{location.region.replace('-', '')}"
    region, suffix = re.escape(location.region), re.escape(location.dns_suffix)
    endpoint = rf"s3(-fips)?(\.dualstack)?([.-]{region})?\.{suffix}(:443)?"
    return parts.scheme == "https" and (
        re.fullmatch(rf"{bucket}\.{endpoint}", parts.netloc) is not None
        or parts.hostname in _LOOPBACK
    )
