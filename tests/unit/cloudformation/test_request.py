"""When CloudFormation sent a request, and which of two was sent first."""

import pytest

from doubles.fake_cloudformation import Stack
from handler.cloudformation.request import Request
from handler.state.record import is_before

SENT = 1_700_725_317.0


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20231123T074157Z&X-Amz-Expires=7200", SENT),
        ("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1700732517&Signature=x", 0.0),
        ("X-Amz-Date=20991231T235959Z", 0.0),
        ("X-Amz-Date=yesterday", 0.0),
        ("", 0.0),
    ],
    ids=["signed as today", "signed as years ago", "to come", "no date", "not signed"],
)
def test_address_for_the_answer_says_when(stack: Stack, query: str, sent: float) -> None:
    """Where it does not, the time is not known."""
    event = stack.event("Create")
    event["ResponseURL"] += f"?{query}"

    assert Request.from_event(event).sent == sent


@pytest.mark.parametrize(
    ("one", "other", "before"),
    [
        (SENT, SENT + 3, True),
        (SENT, SENT + 2, False),
        (SENT + 3, SENT, False),
        (0.0, SENT, False),
        (SENT, 0.0, False),
    ],
)
def test_order_of_two_requests(one: float, other: float, before: bool) -> None:
    """Two seconds are no order, and neither is a time that is not known."""
    assert is_before(one, other) is before
