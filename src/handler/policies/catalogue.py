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
    chosen_by: str | None = None  # The variable that adds the document, if it is an option.


@dataclass(frozen=True)
class Variable:
    """What a placeholder may be replaced by; `allowed` says the pattern in words."""

    default: str | None
    pattern: str
    allowed: str


@dataclass(frozen=True)
class Catalogue:
    """Entries by name, each a list of documents, and the placeholders that they use.

    An option is a document that restricts every entry further. It is chosen by giving a value to
    the variable under whose name it stands.
    """

    entries: dict[str, tuple[CatalogueDocument, ...]]
    options: dict[str, CatalogueDocument]
    variables: dict[str, Variable]


@cache
def load_catalogue() -> Catalogue:
    """Read `policies/`, which stands beside `handler/` when packaged, else beside `src/`."""
    beside_handler = Path(__file__).resolve().parents[2] / "policies"
    return read_catalogue(
        beside_handler if beside_handler.is_dir() else Path(__file__).parents[3] / "policies"
    )


def read_catalogue(directory: Path) -> Catalogue:
    """The catalogue that `directory` holds; the manifest may leave a document undescribed."""
    manifest = json.loads((directory / "catalogue.json").read_text())

    def document(name: str, chosen_by: str | None = None) -> CatalogueDocument:
        fields = manifest["Documents"].get(name, {})
        return CatalogueDocument(
            fields.get("NameSuffix", "".join(word.capitalize() for word in name.split("-"))),
            fields.get("Description", f"Permissions {name} of an Iguazio platform"),
            json.loads((directory / f"{name}.json").read_text()),
            chosen_by,
        )

    return Catalogue(
        entries={
            name: tuple(document(part) for part in entry["Documents"])
            for name, entry in manifest["Entries"].items()
        },
        options={
            variable: document(name, variable) for variable, name in manifest["Options"].items()
        },
        variables={
            name: Variable(fields.get("Default"), fields["Pattern"], fields["Allowed"])
            for name, fields in manifest["Variables"].items()
        },
    )
