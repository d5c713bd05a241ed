"""Hears every AWS call of the function, and lets one of them go wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from handler.aws import clients

_READS = ("Describe", "Get", "List")


class Fault(StrEnum):
    """What can happen at a call.

    THROTTLED is what is left when botocore has tried again in vain: to the function it is a
    refusal with another code. test_consistency.py throttles where botocore does try again.
    """

    REFUSED = "refused before its effect"
    LOST = "effect done, reply lost"
    THROTTLED = "throttled"
    KILLED = "function killed after it"


class KilledError(BaseException):
    """The execution environment is gone; no code of the function can catch this."""


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
        match self.fault:
            case Fault.REFUSED:
                raise ClientError(_error("ServiceFailure", "It broke."), operation)
            case Fault.THROTTLED:
                code = "ThrottlingException" if service == "dynamodb" else "Throttling"
                raise ClientError(_error(code, "Rate exceeded"), operation)

    def after(self, parsed: dict[str, Any]) -> None:
        if "AccessKey" in parsed:
            self.secret_access_keys.add(parsed["AccessKey"]["SecretAccessKey"])
        if self._now() and self.fault is Fault.LOST:
            raise ReadTimeoutError(endpoint_url="https://aws")
        if self._now() and self.fault is Fault.KILLED:
            raise KilledError

    def _now(self) -> bool:
        return self.fail_at == len(self.names) - 1


def _error(code: str, message: str) -> Any:
    return {"Error": {"Code": code, "Message": message}}


class Listener:
    """Hangs on the function's clients, which live as long as the test run."""

    calls = Calls()

    def before_call(self, model: Any, **_: Any) -> None:
        self.calls.before(model.service_model.signing_name, model.name)

    def after_call(self, parsed: dict[str, Any], **_: Any) -> None:
        self.calls.after(parsed)


LISTENER = Listener()
clients.session().events.register("before-call", LISTENER.before_call)
clients.session().events.register("after-call", LISTENER.after_call)
