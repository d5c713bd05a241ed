"""Placeholders in policy documents."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.policies.placeholders import placeholders, render

VARIABLES: dict[str, str | list[str]] = {"NAME": "n", "LIST": ["x", "y"], "A": "1", "AB": "2"}


@pytest.mark.parametrize(
    ("document", "rendered"),
    [
        ("a-$NAME-b", "a-n-b"),
        ("$A$AB", "12"),
        (["$LIST", "z"], ["x", "y", "z"]),
        (["$NAME"], ["n"]),
        ({"$NAME": {"k": ["$LIST"]}}, {"n": {"k": ["x", "y"]}}),
        ("${aws:username}/$NAME", "${aws:username}/n"),
        ("costs $5 or $lower", "costs $5 or $lower"),
        ([1, True, None], [1, True, None]),
    ],
)
def test_placeholders_are_replaced(document: Any, rendered: Any) -> None:
    """Texts, keys and list items are replaced at any depth; IAM's own variables are not."""
    assert render(document, VARIABLES) == rendered


def test_missing_value_is_an_error() -> None:
    """A placeholder without a value never stays in a document."""
    with pytest.raises(KeyError, match="OTHER"):
        render({"Resource": "$OTHER"}, VARIABLES)


def test_list_inside_a_text_is_an_error() -> None:
    """A list has no meaning in the middle of a text."""
    with pytest.raises(TypeError, match="LIST"):
        render("a-$LIST", VARIABLES)


@given(
    st.recursive(
        st.text(max_size=10) | st.sampled_from(["$NAME", "x-$A", "${aws:userid}"]),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=10,
    )
)
def test_rendered_documents_have_no_placeholders(document: Any) -> None:
    """With a value for each, no placeholder is left."""
    values = dict.fromkeys(placeholders(document), "value")
    assert placeholders(render(document, values)) == set()
