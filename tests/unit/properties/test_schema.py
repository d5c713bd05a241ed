"""properties.json and the reading of it."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import shown
from handler.properties import schema

JSON = st.recursive(
    st.text(max_size=8) | st.sampled_from(["Key", "Value", "a", "eu-west-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
TAGS = st.lists(
    st.fixed_dictionaries({"Key": st.text(max_size=5)}, optional={"Value": st.text(max_size=5)}),
    max_size=3,
)
PLAUSIBLE = st.from_regex(r"[A-Za-z0-9_+=,.@/: -]{0,70}", fullmatch=True)


@pytest.mark.parametrize("name", schema.SCHEMA["properties"])
@given(value=JSON | TAGS | PLAUSIBLE)
def test_our_reading_is_that_of_a_full_validator(name: str, value: Any) -> None:
    """Each property accepts what a complete implementation of JSON Schema accepts."""
    definition = schema.SCHEMA["properties"][name]
    # JSON Schema searches for a pattern, and Python's $ also matches before a last line feed.
    expected = jsonschema.Draft202012Validator(definition).is_valid(value)
    if not str(value).endswith("\n") and "\n" not in str(value):
        assert schema.accepts(definition, value) == expected


def test_schema_is_a_schema() -> None:
    """The file itself is valid JSON Schema 2020-12."""
    jsonschema.Draft202012Validator.check_schema(schema.SCHEMA)


@pytest.mark.parametrize("name", schema.SCHEMA["properties"])
def test_every_property_is_explained(name: str) -> None:
    """Each property says what it is, what it may be and what changing it does."""
    definition = schema.SCHEMA["properties"][name]

    assert definition["description"].endswith(".")
    assert definition["x-allowed"]
    assert definition["x-update"] in ("in place", "replacement", "rotates")


def test_only_understood_keywords_are_used() -> None:
    """properties.json has no keyword that our reading would silently ignore."""
    understood = {
        "type", "pattern", "anyOf", "items", "properties", "required", "propertyNames",
        "additionalProperties", "minItems", "maxItems", "minLength", "maxLength",
        "minProperties", "maxProperties", "description", "$schema", "title",
        "x-allowed", "x-update", "x-unavailable",
    }  # fmt: skip

    def keywords(node: dict[str, Any]) -> set[str]:
        found = set(node)
        inner = [*node.get("properties", {}).values(), *node.get("anyOf", ())]
        for name in ("items", "propertyNames", "additionalProperties"):
            inner += [node[name]] if isinstance(node.get(name), dict) else []
        return found.union(*(keywords(item) for item in inner))

    assert keywords(schema.SCHEMA) <= understood


def test_long_values_are_quoted_short() -> None:
    """A message quotes at most 60 characters of a value, on one line."""
    assert shown("a\n" * 100) == f"'{'a ' * 30}…'"
