"""Checks properties against `properties.json`, reporting every problem at once.

Only the keywords of JSON Schema 2020-12 that the file uses are understood; the tests hold this
module to the verdicts of a full validator. Two keywords are our own: `x-allowed` says what a value
may be, and `x-update` what changing it does.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handler.errors import did_you_mean, shown

SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("properties.json").read_text())
PROPERTIES: dict[str, Any] = SCHEMA["properties"]

_TYPES: dict[str, type] = {"string": str, "object": dict, "array": list}


def problems(properties: dict[str, Any]) -> Iterator[str]:
    """One sentence for each unknown property and each value that is not allowed."""
    for name, value in properties.items():
        if name not in PROPERTIES:
            meant = did_you_mean(name, PROPERTIES)
            yield f"{shown(name)} is not a property of Custom::RestrictedIAMUser{meant}"
        elif not allows(name, value):
            yield f"{name} must be {allowed(name)}, not {shown(value)}{_advice(name, value)}."


def _advice(name: str, value: object) -> str:
    """What to do where the items of a list came as one text."""
    if PROPERTIES[name].get("type") != "array" or not isinstance(value, str):
        return ""
    return "; in a template give each item a line of its own, or use !Split [',', …]"


def allows(name: str, value: object) -> bool:
    """Whether the property of that name may have the value."""
    return accepts(PROPERTIES[name], value)


def allowed(name: str) -> str:
    """What the property of that name may be, in words."""
    return str(PROPERTIES[name]["x-allowed"])


def accepts(schema: dict[str, Any], value: object) -> bool:
    """Whether `value` is valid against `schema`."""
    if "anyOf" in schema:
        return any(accepts(alternative, value) for alternative in schema["anyOf"])
    if "type" in schema and not isinstance(value, _TYPES[schema["type"]]):
        return False
    if isinstance(value, str):
        return _accepts_text(schema, value)
    if isinstance(value, list):
        return _in_range(schema, "Items", len(value)) and all(
            accepts(schema["items"], item) for item in value
        )
    return isinstance(value, dict) and _accepts_map(schema, value)


def _accepts_text(schema: dict[str, Any], text: str) -> bool:
    return _in_range(schema, "Length", len(text)) and (
        "pattern" not in schema or re.fullmatch(schema["pattern"], text) is not None
    )


def _accepts_map(schema: dict[str, Any], value: dict[str, Any]) -> bool:
    members: dict[str, Any] = schema.get("properties", {})
    others: bool | dict[str, Any] = schema.get("additionalProperties", True)
    return (
        _in_range(schema, "Properties", len(value))
        and all(name in value for name in schema.get("required", ()))
        and all(accepts(schema.get("propertyNames", {}), name) for name in value)
        and all(
            accepts(members[name], item)
            if name in members
            else others is True or (others is not False and accepts(others, item))
            for name, item in value.items()
        )
    )


def _in_range(schema: dict[str, Any], what: str, size: int) -> bool:
    least: int = schema.get(f"min{what}", 0)
    most: int = schema.get(f"max{what}", size)
    return least <= size <= most
