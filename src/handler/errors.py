"""Failures whose text is meant for the person who reads the stack events."""

import json
from collections.abc import Iterable

from botocore.exceptions import ClientError

_SHOWN_CHARACTERS = 60


def shown(value: object) -> str:
    """A value as a message quotes it: short, on one line, of characters that UTF-8 can carry."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = " ".join(text.encode(errors="replace").decode().split())
    return f"'{text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + '…'}'"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What ends a sentence on a name that is not known: the known one that is most like it."""
    from difflib import get_close_matches  # noqa: PLC0415 - a cold start does not wait for it

    by_folded = {one.casefold(): one for one in known}
    like = get_close_matches(name.casefold()[:_SHOWN_CHARACTERS], by_folded, n=1)
    return f"; did you mean {by_folded[like[0]]}?" if like else "."


def error_code(error: ClientError) -> str:
    """The code by which AWS names a failure."""
    return str(error.response["Error"]["Code"])


class ProviderError(Exception):
    """Root of all failures that we foresee; the message becomes the Reason of the answer."""


class InvalidPropertiesError(ProviderError):
    """The properties cannot be honoured; raised before anything is changed.

    `problems` has one sentence for each thing that is wrong.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{count} in the properties, nothing was touched: {' '.join(problems)}")


def refuse(problems: Iterable[str]) -> None:
    """Raise InvalidPropertiesError when there are any problems."""
    if found := list(problems):
        raise InvalidPropertiesError(found)


class NameTakenError(ProviderError):
    """Something with the wanted name exists and is not this resource's to change.

    `holder` is the resource that its tags name, if they name one.
    """

    def __init__(self, what: str, holder: str = "", way_out: str = "") -> None:
        whose = f"belongs to {holder}" if holder else "does not belong to this resource"
        remedy = "delete that resource" if holder else "remove it"
        what_to_do = way_out or f"Choose another name or {remedy} first."
        super().__init__(f"The {what} exists and {whose}; it was left as it is. {what_to_do}")


class OutOfReachError(ProviderError):
    """The wanted name is taken by something of this resource that it no longer manages."""


class StackRefusedError(ProviderError):
    """The stack that the event names is not in an operation that fits the request."""


class StillServingError(ProviderError):
    """After the change that is asked for, the provider could no longer serve users that exist."""


class GivenUpError(StackRefusedError):
    """The stack went back on the request while it was served, so what was done is undone."""


class UnansweredError(ProviderError):
    """The request cannot be answered by this invocation; Lambda delivers it again."""


class StillBusyError(UnansweredError):
    """A request that this one must wait for was still being served when the time ran out."""

    def __init__(self) -> None:
        super().__init__("Another request is being served first; this one comes again.")


class LeaseLostError(UnansweredError):
    """The lease ended while its holder was slow, and somebody else may hold it."""

    def __init__(self) -> None:
        super().__init__("The lease of this resource was lost; the request comes again.")


class UnrememberedError(UnansweredError):
    """The table did not take what must be remembered, an answer among it, or did not say so."""

    def __init__(self) -> None:
        super().__init__("What was done could not be remembered; the request comes again.")


class OutOfTimeError(ProviderError):
    """The invocation must answer now; what was begun is finished or undone by the next request."""


class KeyLimitError(ProviderError):
    """Both access key slots of the user hold keys that may be in use."""


class KeyNotVerifiedError(ProviderError):
    """STS did not accept an access key in time; who made it for this deletes it."""


class StillAttachedError(ProviderError):
    """A policy of ours is attached to something that is not ours, so it cannot be deleted."""


class ReaderRefusedError(ProviderError):
    """Secrets Manager does not let a principal be named as a reader."""


class ReplicationError(ProviderError):
    """Secrets Manager could not copy the secret to a region."""


class RotationRefusedError(ProviderError):
    """A step of a scheduled rotation was asked for that cannot be taken now."""


class RotationPutOffError(RotationRefusedError):
    """A scheduled rotation gives way to a request of CloudFormation; it is begun again later."""

    def __init__(self) -> None:
        super().__init__("The stack is at work; the rotation has to wait for it.")


def reason(error: Exception, log_stream_name: str) -> str:
    """What is told of a failure: in the stack events, or in the log of a rotation."""
    if isinstance(error, ProviderError):
        return str(error)
    if isinstance(error, ClientError):
        answer = error.response["Error"]
        return f"AWS refused {error.operation_name}: {answer['Code']}: {answer['Message']}"
    # The text of an unforeseen exception may quote a value, so only its kind is told.
    return f"Internal error {type(error).__name__}; see log stream {log_stream_name}."
