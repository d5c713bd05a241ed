"""What CloudFormation asks for: the event of a custom resource, read once.

AWS CloudFormation User Guide, "Custom resource request objects".
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handler import schema
from handler.model import Owner

# CloudFormation's own; ServiceTimeout arrives like any other property of the template.
_CLOUDFORMATION_PROPERTIES = frozenset({"ServiceToken", "ServiceTimeout"})


@dataclass(frozen=True)
class Request:
    """One request on one resource. `physical_id` is the id that every answer to it carries."""

    type: str
    request_id: str
    owner: Owner
    physical_id: str
    properties: dict[str, Any]
    old_properties: dict[str, Any]

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
            properties=properties,
            old_properties=_own(event.get("OldResourceProperties", {})),
        )

    @property
    def stack_name(self) -> str:
        """The name in the stack id `arn:…:stack/<name>/<uuid>`."""
        return self.owner.stack_id.split("/")[1]

    @property
    def trigger(self) -> str:
        """What a key is made for: `Serial`, or without it all properties.

        It is stored beside the key, so that the same request never makes a second one.
        """
        if "Serial" in self.properties:
            return f"Serial:{self.properties['Serial']}"
        text = json.dumps(self.properties, sort_keys=True)
        return f"Properties:{hashlib.sha256(text.encode()).hexdigest()}"


def _own(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in properties.items() if name not in _CLOUDFORMATION_PROPERTIES
    }


def _physical_id(event: Mapping[str, Any], owner: Owner, properties: dict[str, Any]) -> str:
    """The user name, known before any call; CloudFormation's own id where a name is no name."""
    given: str = event.get("PhysicalResourceId", "")
    if event["RequestType"] == "Delete" and given:
        return given
    if "UserName" not in properties:
        return generated_user_name(owner)
    name = properties["UserName"]
    if schema.accepts(schema.SCHEMA["properties"]["UserName"], name):
        return str(name)
    return given or generated_user_name(owner)


def generated_user_name(owner: Owner) -> str:
    """A user name of at most 64 characters, the same for every event of the resource."""
    stack_name = owner.stack_id.split("/")[1]
    digest = hashlib.sha256(f"{owner.stack_id} {owner.logical_id}".encode()).hexdigest()
    return f"{stack_name[:30]}-{owner.logical_id[:20]}-{digest[:12]}"
