"""What CloudFormation asks for: the event of a custom resource, read once.

AWS CloudFormation User Guide, "Custom resource request objects".
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handler.model.owner import Owner
from handler.properties import schema

# The provider's own resource; any other type is a user's, for a template may choose its name.
PROVIDER_TYPE = "Custom::RestrictedIAMUserProvider"
# CloudFormation's own; ServiceTimeout arrives like any other property of the template.
_CLOUDFORMATION_PROPERTIES = frozenset({"ServiceToken", "ServiceTimeout"})


@dataclass(frozen=True)
class Request:
    """One request on one resource.

    `physical_id` is the id that every answer carries, `former_physical_id` the one that
    CloudFormation knew before.
    """

    type: str
    request_id: str
    owner: Owner
    physical_id: str
    former_physical_id: str
    properties: dict[str, Any]
    old_properties: dict[str, Any]
    is_of_provider: bool = False

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Read an event whose envelope is complete; properties are not validated here."""
        owner = Owner(event["StackId"], event["LogicalResourceId"])
        properties = _own(event.get("ResourceProperties", {}))
        return cls(
            type=event["RequestType"],
            request_id=event["RequestId"],
            owner=owner,
            physical_id=_physical_id(event, owner, properties),
            former_physical_id=event.get("PhysicalResourceId", ""),
            properties=properties,
            old_properties=_own(event.get("OldResourceProperties", {})),
            is_of_provider=event.get("ResourceType") == PROVIDER_TYPE,
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
        """What a key is made for: `Serial`, or without it all properties.

        It is stored beside the key, so that the same request never makes a second one.
        """
        if "Serial" in self.properties:
            return f"Serial:{self.properties['Serial']}"
        return f"Properties:{digest(self.properties)}"


def digest(properties: dict[str, Any]) -> str:
    """What tells one set of properties from another."""
    return hashlib.sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()


def generated_user_name(owner: Owner) -> str:
    """A user name of at most 64 characters, the same for every event of the resource."""
    text = hashlib.sha256(f"{owner.stack_id} {owner.logical_id}".encode()).hexdigest()
    return f"{owner.stack_name[:30]}-{owner.logical_id[:20]}-{text[:12]}"


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
