"""One line of the log for each call that changed something, whoever made it.

Only names and ids are taken from a call, by a list: its other parameters may be secret.
"""

from http import HTTPStatus
from typing import Any

from handler import facts
from handler.facts import Fact

SERVICES = ("iam", "scheduler", "secrets-manager")
_READING = ("Describe", "Get", "List")
_TOLD = {
    "AccessKeyId": "access_key_id",
    "GroupName": "group",
    "Name": "resource_name",
    "PermissionsBoundary": "boundary",
    "PolicyArn": "policy",
    "PolicyName": "policy",
    "SecretId": "secret",
    "Status": "status",
    "UserName": "user",
    "VersionStage": "label",
}
_ABOUT = "handler.about"


def is_change(model: Any) -> bool:
    """Whether a call changes something, by its name in the API reference."""
    return not model.name.startswith(_READING)


def listen(events: Any) -> None:
    """Tell of the calls of every client that comes from a session with these events."""
    for service in SERVICES:
        events.register(f"before-parameter-build.{service}", _remember)
        events.register(f"after-call.{service}", _tell)


def _remember(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[_ABOUT] = {word: str(params[name]) for name, word in _TOLD.items() if params.get(name)}


def _tell(
    http_response: Any, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any
) -> None:
    """Called after the last try of a call."""
    if not is_change(model) or http_response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        return
    made = parsed.get("AccessKey", {}).get("AccessKeyId")
    about = context[_ABOUT] | ({"access_key_id": made} if made else {})
    facts.tell(Fact(model.name, about=about))
