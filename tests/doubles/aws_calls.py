"""Hears every AWS call of the function, and lets one of them go wrong."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse

from doubles import unkind
from handler.aws import clients

_READS = ("Describe", "Get", "List")


class Fault(StrEnum):
    """What can happen at a call. A throttled one is refused at every try, until time runs out."""

    REFUSED = "refused before its effect"
    LOST = "effect done, reply lost"
    THROTTLED = "throttled until time runs out"
    KILLED = "function killed after it"


class KilledError(BaseException):
    """The execution environment is gone; no code of the function can catch this."""


def die() -> None:
    """The execution environment ends before a call."""
    raise KilledError


@dataclass
class Calls:
    """The calls so far as `service:Operation`, the secret keys made, and what is to happen when.

    `first` are things that happen before the next call of a name, once.
    """

    names: list[str] = field(default_factory=list)
    secret_access_keys: set[str] = field(default_factory=set)
    fail_at: int | None = None
    fault: Fault | None = None
    meanwhile: Callable[[], None] | None = None
    happened: bool = False
    first: dict[str, Callable[[], None]] = field(default_factory=dict)

    def beside_table(self, since: int = 0) -> list[str]:
        """The calls from a number on, but for those of the table of our own memory."""
        return [name for name in self.names[since:] if not name.startswith("dynamodb:")]

    def changing(self, since: int = 0) -> list[str]:
        """Those of them that change something."""
        found = self.beside_table(since)
        return [name for name in found if not name.split(":")[1].startswith(_READS)]

    def arm(
        self, at: int, fault: Fault | None = None, meanwhile: Callable[[], None] | None = None
    ) -> None:
        """Let `fault` happen at the call number `at` from now, or something else before it."""
        self.fail_at, self.fault, self.meanwhile = len(self.names) + at, fault, meanwhile
        self.happened = False

    def disarm(self) -> None:
        self.fail_at = self.fault = self.meanwhile = None

    def before(self, service: str, operation: str) -> None:
        self.names.append(f"{service}:{operation}")
        if once := self.first.pop(self.names[-1], None):
            once()
        if not self._now():
            return
        self.happened = True
        if meanwhile := self.meanwhile:
            self.disarm()
            meanwhile()
        if self.fault is Fault.REFUSED:
            broke: Any = {"Error": {"Code": "ServiceFailure", "Message": "It broke."}}
            raise ClientError(broke, operation)

    def throttled(self) -> bool:
        """Whether this try of the call is one too many."""
        return self.fault is Fault.THROTTLED and self._now()

    def after(self, parsed: dict[str, Any]) -> None:
        if "AccessKey" in parsed:
            self.secret_access_keys.add(parsed["AccessKey"]["SecretAccessKey"])
        if self._now() and self.fault is Fault.LOST:
            raise ReadTimeoutError(endpoint_url="https://aws")
        if self._now() and self.fault is Fault.KILLED:
            raise KilledError

    def _now(self) -> bool:
        return self.fail_at == len(self.names) - 1


class Listener:
    """Hangs on the function's clients, which live as long as the test run.

    `throttles` says of each try of a call, by service and operation, whether it is one too many.
    """

    calls = Calls()
    throttles: Callable[[str, str], bool] = staticmethod(lambda _service, _operation: False)

    def before_call(self, model: Any, params: Any, **_: Any) -> None:
        params["headers"][unkind.OF_A_FUNCTION] = "yes"
        self.calls.before(model.service_model.signing_name, model.name)

    def after_call(self, parsed: dict[str, Any], **_: Any) -> None:
        self.calls.after(parsed)

    def refusal(self, service: str, operation: str) -> dict[str, str] | None:
        """The error of a try that is throttled."""
        if not (self.throttles(service, operation) or self.calls.throttled()):
            return None
        # Which code: the "Common errors" in the API references.
        old = service in {"cloudformation", "iam", "sts"}
        code = "Throttling" if old else "ThrottlingException"
        return {"Code": code, "Message": "Rate exceeded"}

    def before_send(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        """The answer to a throttled try, in the words of the service."""
        error = self.refusal(*event_name.split(".")[1:])
        if error is None:
            return None
        if error["Code"] == "Throttling":
            told = "".join(f"<{name}>{text}</{name}>" for name, text in error.items())
            body = f"<ErrorResponse><Error>{told}</Error></ErrorResponse>"
        else:
            body = json.dumps({"__type": error["Code"], "message": error["Message"]})
        headers: Any = {}
        # moto hears of the request as well, and would do what it asks for.
        request.url = "https://nowhere"
        return AWSResponse(request.url, 400, headers, MockRawResponse(body))

    def before_try(self, event_name: str, **_: Any) -> dict[str, Any] | None:
        """The same for tests that go without HTTP."""
        error = self.refusal(*event_name.split(".")[1:])
        return error and {"Error": error, "ResponseMetadata": {}}


LISTENER = Listener()
_EVENTS: Any = clients.session().events  # The stubs know no event that takes an answer.
_EVENTS.register("before-call", LISTENER.before_call)
_EVENTS.register("after-call", LISTENER.after_call)
_EVENTS.register_first("before-send", LISTENER.before_send)
_EVENTS.register("before-try", LISTENER.before_try)
