"""What CloudFormation asks for: the event of a custom resource, read once.

AWS CloudFormation User Guide, "Custom resource request objects".
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from handler import clock
from handler.model.owner import Owner
from handler.properties import schema

# The provider's own resource.
PROVIDER_TYPE = "Custom::RestrictedIAMUserProvider"
# Before the request id of a Create that failed; no user name has a colon.
_NOT_CREATED = "not-created:"
# Of the clock of Lambda against that of CloudFormation.
_SKEW = timedelta(seconds=10)
# CloudFormation's own; ServiceTimeout arrives like any other property of the template.
_CLOUDFORMATION_PROPERTIES = frozenset({"ServiceToken", "ServiceTimeout"})


@dataclass(frozen=True)
class Request:
    """One request on one resource.

    `physical_id` is the id that the answer carries when the request succeeds;
    `former_physical_id` is the one that CloudFormation knew before. `sent` is when CloudFormation
    sent it, in seconds since 1970, or 0 where it does not say.
    """

    type: str
    request_id: str
    resource_type: str
    owner: Owner
    physical_id: str
    former_physical_id: str
    properties: dict[str, Any]
    old_properties: dict[str, Any]
    sent: float = 0.0

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Read an event whose envelope is complete; properties are not validated here."""
        owner = Owner(event["StackId"], event["LogicalResourceId"])
        properties = _own(event.get("ResourceProperties", {}))
        return cls(
            type=event["RequestType"],
            request_id=event["RequestId"],
            resource_type=event.get("ResourceType", ""),
            owner=owner,
            physical_id=_physical_id(event, owner, properties),
            former_physical_id=event.get("PhysicalResourceId", ""),
            properties=properties,
            old_properties=_own(event.get("OldResourceProperties", {})),
            sent=_sent(event["ResponseURL"]),
        )

    def answered_id(self, *, succeeded: bool) -> str:
        """The physical id in the answer.

        CloudFormation deletes what a failed answer names, and the user that the properties name may
        be one that its template has retained. So a Create that failed has an id of its own, and an
        Update that failed has the id of before, as if its answer had been lost.
        """
        if succeeded:
            return self.physical_id
        if self.type == "Create":
            return _NOT_CREATED + self.request_id
        return self.former_physical_id or self.physical_id

    @property
    def failed_create(self) -> str:
        """The request id of the Create that failed and that this Delete cleans up after, or ""."""
        is_that = self.type == "Delete" and self.physical_id.startswith(_NOT_CREATED)
        return self.physical_id.removeprefix(_NOT_CREATED) if is_that else ""

    @property
    def asked(self) -> str:
        """What tells this request from another one that has its request id."""
        return digest(
            {
                "type": self.type,
                "id": self.former_physical_id,
                "properties": self.properties,
                "old": self.old_properties,
            }
        )

    @property
    def user_name(self) -> str:
        """The user that the properties name, whatever the physical id is."""
        name = self.properties.get("UserName")
        return name if isinstance(name, str) else generated_user_name(self.owner)

    @property
    def token(self) -> str:
        """The request id, as idempotency token of Secrets Manager: 32 to 64 characters."""
        if 32 <= len(self.request_id) <= 64:  # noqa: PLR2004 - API reference of PutSecretValue
            return self.request_id
        return hashlib.sha256(self.request_id.encode()).hexdigest()

    @property
    def trigger(self) -> str:
        """What a key is made for: `Serial`, or without it all properties but `Status`.

        It is stored beside the key, so that the same request never makes a second one.
        """
        if "Serial" in self.properties:
            return f"Serial:{self.properties['Serial']}"
        others = {name: value for name, value in self.properties.items() if name != "Status"}
        return f"Properties:{digest(others)}"


def digest(properties: dict[str, Any]) -> str:
    """What tells one set of properties from another."""
    return hashlib.sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()


def generated_user_name(owner: Owner) -> str:
    """A user name of at most 64 characters, the same for every event of the resource."""
    text = hashlib.sha256(f"{owner.stack_id} {owner.logical_id}".encode()).hexdigest()
    return f"{owner.stack_name[:30]}-{owner.logical_id[:20]}-{text[:12]}"


def _sent(response_url: str) -> float:
    """When the address for the answer was signed: a second delivery has the same one.

    A date to come is none: all requests that are sent before it would be late. Amazon S3 User
    Guide, "Authenticating Requests: Using Query Parameters".
    """
    signed = parse_qs(urlsplit(response_url).query).get("X-Amz-Date", [""])[0]
    try:
        sent = datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return 0.0
    return sent.timestamp() if sent <= clock.now() + _SKEW else 0.0


def _own(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in properties.items() if name not in _CLOUDFORMATION_PROPERTIES
    }


def _physical_id(event: Mapping[str, Any], owner: Owner, properties: dict[str, Any]) -> str:
    """The user name, known before any call; CloudFormation's own id where a name is no name."""
    given: str = event.get("PhysicalResourceId", "")
    if event["RequestType"] == "Delete" and given:
        return given
    name = properties.get("UserName", generated_user_name(owner))
    if schema.allows("UserName", name):
        return str(name)
    return given or generated_user_name(owner)
