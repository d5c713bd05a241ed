"""The policy catalogue of the release that the tool came with."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

# In the archive the file lies beside this one; in a checkout it is where the provider has it.
_CHECKOUT = Path(__file__).parents[1] / "policies" / "catalogue.json"


@cache
def _catalogue() -> dict[str, Any]:
    packed = files("operator_tool") / "catalogue.json"
    text = packed.read_text() if packed.is_file() else _CHECKOUT.read_text()
    return dict(json.loads(text))


def templates() -> list[str]:
    """Names of the policy templates."""
    return list(_catalogue()["Entries"])


def policy_names(template: str, base_name: str) -> list[str]:
    """Names of the policies that a template makes."""
    documents = _catalogue()["Documents"]
    return [
        base_name + documents[name]["NameSuffix"]
        for name in _catalogue()["Entries"][template]["Documents"]
    ]


def template_of(descriptions: list[str]) -> str:
    """The template whose policies have these descriptions, or "own" for anything else."""
    documents = _catalogue()["Documents"]
    found = {
        name
        for name, fields in documents.items()
        for text in descriptions
        if text.startswith(f"{fields['Description']}. ")
    } - set(_catalogue()["Options"].values())
    for template, fields in _catalogue()["Entries"].items():
        if found and found == set(fields["Documents"]):
            return str(template)
    return "own" if descriptions else ""
