"""The policy catalogue: `policies/` with its manifest `catalogue.json`."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class CatalogueDocument:
    """One document of an entry; it becomes one managed policy."""

    name_suffix: str
    description: str
    document: dict[str, Any]


@dataclass(frozen=True)
class Variable:
    """What a placeholder may be replaced by."""

    default: str | None
    pattern: str
    allowed: str


@dataclass(frozen=True)
class Catalogue:
    """Entries by name, each a list of documents, and the placeholders that they use."""

    entries: dict[str, tuple[CatalogueDocument, ...]]
    variables: dict[str, Variable]

    @property
    def name_suffixes(self) -> list[str]:
        """What the names of policies may end in, after their base name."""
        documents = [document for entry in self.entries.values() for document in entry]
        return list(dict.fromkeys(document.name_suffix for document in documents))


@cache
def load_catalogue() -> Catalogue:
    """Read `policies/`, which stands beside `handler/` when packaged, else beside `src/`."""
    beside_handler = Path(__file__).resolve().parents[1] / "policies"
    directory = (
        beside_handler if beside_handler.is_dir() else Path(__file__).parents[2] / "policies"
    )
    manifest = json.loads((directory / "catalogue.json").read_text())
    documents = {
        name: CatalogueDocument(
            fields["NameSuffix"],
            fields["Description"],
            json.loads((directory / f"{name}.json").read_text()),
        )
        for name, fields in manifest["Documents"].items()
    }
    return Catalogue(
        entries={
            name: tuple(documents[document] for document in entry["Documents"])
            for name, entry in manifest["Entries"].items()
        },
        variables={
            name: Variable(fields.get("Default"), fields["Pattern"], fields["Allowed"])
            for name, fields in manifest["Variables"].items()
        },
    )
