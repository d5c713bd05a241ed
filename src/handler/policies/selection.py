"""Which documents `PolicyTemplate` or `PolicyDocument` stands for."""

from collections.abc import Iterator
from typing import Any

from handler.errors import shown
from handler.policies import grammar
from handler.policies.catalogue import Catalogue, CatalogueDocument


def problems(properties: dict[str, Any], catalogue: Catalogue, allow_own: bool) -> Iterator[str]:
    """One sentence for each reason why the properties choose no documents."""
    template, own = properties.get("PolicyTemplate"), properties.get("PolicyDocument")
    if (template is None) == (own is None):
        yield "Exactly one of PolicyTemplate and PolicyDocument is required."
    elif template is not None:
        if template not in catalogue.entries:
            known = ", ".join(catalogue.entries)
            yield f"PolicyTemplate must be one of {known}, not {shown(template)}."
    elif not allow_own:
        yield (
            "PolicyDocument is refused because the provider was installed with "
            "AllowPolicyDocument=false."
        )


def own_document_problems(properties: dict[str, Any]) -> Iterator[str]:
    """One sentence for each element of a `PolicyDocument` that a policy of a user cannot have."""
    if "PolicyDocument" in properties:
        yield from grammar.problems(_as_list(properties["PolicyDocument"]))


def select(properties: dict[str, Any], catalogue: Catalogue) -> tuple[CatalogueDocument, ...]:
    """The documents that the properties choose."""
    if "PolicyTemplate" in properties:
        given = properties.get("PolicyVariables", {})
        options = [option for name, option in catalogue.options.items() if name in given]
        return (*catalogue.entries[properties["PolicyTemplate"]], *options)
    return tuple(
        CatalogueDocument(str(number) if number > 1 else "", "Own policy", document)
        for number, document in enumerate(_as_list(properties["PolicyDocument"]), start=1)
    )


def _as_list(own: Any) -> list[dict[str, Any]]:
    return own if isinstance(own, list) else [own]
