"""Placeholders `$NAME` in policy documents, replaced on parsed JSON.

IAM's own policy variables are written `${...}` and are left alone. A placeholder that is the whole
item of a list and whose value is a list becomes as many items.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

PLACEHOLDER = re.compile(r"\$([A-Z][A-Z0-9_]*)")

Variables = Mapping[str, str | list[str]]


def placeholders(node: Any) -> set[str]:
    """Names of all placeholders in a document, in keys and values at any depth."""
    return {name for text in _strings(node) for name in PLACEHOLDER.findall(text)}


def render(node: Any, variables: Variables) -> Any:
    """The document with every placeholder replaced; raises KeyError for one without a value.

    A list in the middle of a text has no meaning in a policy and raises TypeError.
    """
    match node:
        case str():
            return PLACEHOLDER.sub(lambda match: _text(variables, match[1]), node)
        case list():
            return [rendered for item in node for rendered in _render_item(item, variables)]
        case dict():
            return {render(key, variables): render(value, variables) for key, value in node.items()}
    return node


def _render_item(item: Any, variables: Variables) -> list[Any]:
    if isinstance(item, str) and (whole := PLACEHOLDER.fullmatch(item)):
        value = variables[whole[1]]
        return list(value) if isinstance(value, list) else [value]
    return [render(item, variables)]


def _text(variables: Variables, name: str) -> str:
    value = variables[name]
    if isinstance(value, list):
        raise TypeError(name)
    return value


def _strings(node: Any) -> Iterator[str]:
    match node:
        case str():
            yield node
        case list():
            for item in node:
                yield from _strings(item)
        case dict():
            for key, value in node.items():
                yield key
                yield from _strings(value)
