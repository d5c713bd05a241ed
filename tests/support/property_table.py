"""The property table of the README, made from properties.json."""

from handler.properties.schema import SCHEMA

_UPDATES = {
    "in place": "in place",
    "replacement": "replaces the user",
    "rotates": "rotates the key",
}


def property_table() -> str:
    """One row for each property: what it means and what an update of it does."""
    rows = ["| Property | An update | Meaning |", "|---|---|---|"]
    for name, definition in SCHEMA["properties"].items():
        update = _UPDATES[definition["x-update"]]
        rows.append(f"| `{name}` | {update} | {definition['description']} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(property_table())
