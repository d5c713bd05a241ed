"""Answering CloudFormation: crhelper's protocol with a sender that can be trusted.

crhelper takes any HTTP status for success, retries without end, sends no id when it times out and
bounds no size. AWS CloudFormation User Guide, "Custom resource response objects".
"""

import json
import threading
from http import HTTPStatus
from typing import Any

import urllib3
from crhelper import CfnResource  # noqa: TID251 - the one place

from handler.cloudformation.certificates import certificates
from handler.cloudformation.request import Request
from handler.errors import ProviderError

MAXIMUM_BYTES = 4096
_RETRIES = urllib3.Retry(
    total=4,
    backoff_factor=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=("PUT",),
    redirect=False,
    raise_on_status=False,
)
_HTTP = urllib3.PoolManager(
    ssl_context=certificates(),
    timeout=urllib3.Timeout(connect=3, read=5),
    retries=_RETRIES,
)


class UndeliveredError(ProviderError):
    """CloudFormation did not take the answer, so the event should be delivered again."""


class CustomResource(CfnResource):
    """crhelper's dispatch and timer, with one answer for each event and always the right id."""

    _event: dict[str, Any]
    _response_url: str
    # On a developer's machine crhelper builds no clients. It would poll with them, which we never
    # ask for, so it is told to be on one.
    _sam_local = property(lambda _: True, lambda _self, _read: None)

    def __init__(self) -> None:
        super().__init__(log_level="INFO", boto_level="ERROR", sleep_on_delete=0)
        self._answering = threading.Lock()
        self._answered = False
        self.undelivered: str | None = None
        self.unanswered: ProviderError | None = None

    def __call__(self, event: dict[str, Any], context: object) -> None:
        """Handle one event with nothing left over from the one before in a warm container."""
        self.NoEcho = False
        self._answered = False
        self.undelivered = None
        self.unanswered = None
        super().__call__(event, context)

    def _send(self, status: str | None = None, reason: str = "") -> None:
        """Called by crhelper, from its timer's thread too: the first answer is the only one."""
        with self._answering:
            if self._answered or self.unanswered:
                return
            self._answered = True
            succeeded = (status or self.Status) == "SUCCESS"
            answer = {
                "Status": status or self.Status,
                "Reason": reason or self.Reason,
                "PhysicalResourceId": Request.from_event(self._event).answered_id(
                    succeeded=succeeded
                ),
                "StackId": self.StackId,
                "RequestId": self.RequestId,
                "LogicalResourceId": self.LogicalResourceId,
                "NoEcho": self.NoEcho,
                "Data": self.Data if succeeded else {},
            }
            self.undelivered = _put(self._response_url, encode(answer))


def encode(answer: dict[str, Any]) -> bytes:
    """The answer as UTF-8, its Reason cut at the end so that CloudFormation's limit is kept."""
    body = _encoded(answer)
    reason = answer["Reason"]
    while len(body) > MAXIMUM_BYTES and reason:
        reason = reason[: len(reason) - (len(body) - MAXIMUM_BYTES) // 4 - 1]
        body = _encoded({**answer, "Reason": reason + "…"})
    return body


def _encoded(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode(errors="replace")


def _put(url: str, body: bytes) -> str | None:
    """Send the answer; returns what went wrong when CloudFormation did not take it."""
    try:
        # An empty content type, as AWS's own module sends: the URL is signed without one.
        response = _HTTP.request("PUT", url, body=body, headers={"Content-Type": ""})
    except urllib3.exceptions.HTTPError as error:
        return type(error).__name__
    accepted = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
    return None if accepted else f"HTTP status {response.status}"
