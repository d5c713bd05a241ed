"""Checks properties against `properties.json`, reporting every problem at once.

Only the keywords of JSON Schema 2020-12 that the file uses are understood; the tests hold this
module to the verdicts of a full validator. Two keywords are our own: `x-allowed` says what a value
may be, and `x-update` what changing it does.
"""

import json
import re
from pathlib import Path
from typing import Any

SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("properties.json").read_text())

_TYPES: dict[str, type] = {"string": str, "object": dict, "array": list}
_SHOWN_CHARACTERS = 60


def shown(value: object) -> str:
    """A value as a message quotes it: short, on one line, of characters that UTF-8 can carry."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = " ".join(text.encode(errors="replace").decode().split())
    return f"'{text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + '…'}'"


def problems(properties: dict[str, Any]) -> list[str]:
    """One sentence for each unknown property and each value that is not allowed."""
    known: dict[str, Any] = SCHEMA["properties"]
    found = []
    for name, value in properties.items():
        if name not in known:
            found.append(f"{shown(name)} is not a property of Custom::RestrictedIAMUser.")
        elif not accepts(known[name], value):
            found.append(f"{name} must be {known[name]['x-allowed']}, not {shown(value)}.")
    return found


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
