"""The generated parts of docs/policies.md, made from `policies/` and `tests/policies/calls/`.

A part stands between `<!-- name -->` and `<!-- end -->`; `make docs` writes all of them again.
"""

from collections.abc import Callable

from handler.model.owner import Location
from handler.policies.documents import MAXIMUM_CHARACTERS, characters
from support.permissions import (
    DOCUMENTS,
    LONG_NAMES,
    MANIFEST,
    PARTITIONS,
    Permission,
    entry_documents,
    entry_permissions,
    example_values,
    permissions,
    rendered,
)
from support.policy_calls import eksctl_role, is_open, load
from support.templates import PROJECT

REFERENCE = PROJECT / "docs" / "policies.md"
ENTRIES = list(MANIFEST["Entries"])
_OPERATORS = {
    "ArnEquals": "is",
    "ArnNotLike": "is not",
    "Bool": "is",
    "NotIpAddress": "is not in",
    "StringEquals": "is",
    "StringNotEquals": "is not",
}


def size(document: str, location: Location, **values: str | list[str]) -> int:
    """Characters of the rendered document as IAM counts them."""
    (policy,) = rendered([document], location, {**example_values(location), **values})
    return characters(policy)


def entries() -> str:
    """One row for each entry of the catalogue."""
    rows = ["| `PolicyTemplate` | For | Documents | Actions |", "|---|---|---|---|"]
    for entry in ENTRIES:
        actions = {action for found in entry_permissions(entry) for action in found.actions}
        documents = ", ".join(f"[{name}](#{name})" for name in entry_documents(entry))
        purpose = MANIFEST["Entries"][entry].get("Description", "")
        rows.append(f"| `{entry}` | {purpose} | {documents} | {len(actions)} |")
    return "\n".join(rows)


def variables() -> str:
    """One row for each placeholder that `PolicyVariables` may give."""
    rows = ["| Variable | May be | Default | Chooses |", "|---|---|---|---|"]
    for name, fields in MANIFEST["Variables"].items():
        default = "the stack's region" if name == "AWS_REGION" else fields.get("Default", "")
        default = f"`{default}`" if "Default" in fields else default
        option = MANIFEST["Options"].get(name)
        chosen = f"[{option}](#{option})" if option else ""
        rows.append(f"| `{name}` | {fields['Allowed']} | {default} | {chosen} |")
    return "\n".join(rows)


def sizes() -> str:
    """One row for each document: its size in every partition, and with long names."""
    rows = [
        f"| Document | {' | '.join(PARTITIONS)} | long names, four regions |",
        "|---|" + "---|" * (len(PARTITIONS) + 1),
    ]
    for document in DOCUMENTS:
        plain = [size(document, location) for location in PARTITIONS.values()]
        longest = max(size(document, location, **LONG_NAMES) for location in PARTITIONS.values())
        cells = " | ".join(f"{number:,}" for number in [*plain, longest])
        rows.append(f"| {document} | {cells} |")
    one, two = (
        size("infrastructure", PARTITIONS["aws"], AWS_REGION=["eu-central-1"] * number)
        for number in (1, 2)
    )
    room = 1 + (MAXIMUM_CHARACTERS - one) // (two - one)
    rows += ["", f"`infrastructure` has room for {room} regions with names like eu-central-1."]
    return "\n".join(rows)


def documents() -> str:
    """A section for each document, a paragraph for each statement."""
    sections = []
    for document in DOCUMENTS:
        purpose = MANIFEST["Documents"].get(document, {}).get("Description", "")
        statements = "\n\n".join(map(_statement, permissions(document)))
        sections.append(f"### {document}\n\n{purpose + '.' if purpose else ''}\n\n{statements}")
    return "\n\n".join(sections).replace("\n\n\n\n", "\n\n")


def _statement(found: Permission) -> str:
    levels = ", ".join(sorted(found.access_levels))
    effect = "refuses" if found.effect == "Deny" else "allows"
    heading = f"**{found.sid}** {effect}" + (f" ({levels})" if levels else "")
    but = "everything but " if found.all_resources_but else ""
    lines = [
        f"{heading}. {found.why}".strip(),
        "",
        f"- Actions: {', '.join(f'`{action}`' for action in found.actions)}",
        f"- On: {but}{', '.join(map(_resource, found.resources))}",
    ]
    lines += [
        f"- Where: {_condition(operator, key, values)}"
        for operator, keys in found.conditions.items()
        for key, values in keys.items()
    ]
    return "\n".join(lines)


def _condition(operator: str, key: str, values: tuple[str, ...]) -> str:
    if operator == "Null":
        return f"`{key}` is {'absent' if values == ('true',) else 'given'}"
    return f"`{key}` {_OPERATORS[operator]} {_quoted(values)}"


def _resource(arn: str) -> str:
    """The end of an ARN; the fields before it say nothing but whose the resource is."""
    if not arn.startswith("arn:"):
        return f"`{arn}`"
    _, _, service, _, account, name = arn.split(":", 5)
    return f"`{service} {name}`" + ("" if account else " of any account")


def _quoted(values: tuple[str, ...]) -> str:
    *rest, last = (f"`{value}`" for value in values)
    return f"{', '.join(rest)} or {last}" if rest else last


def _paths(section: str) -> str:
    location = PARTITIONS["aws"]
    values = {**example_values(location), "EKS_CLUSTER_NAME": "*"}
    policies = {
        entry: [policy.document for policy in rendered(entry_documents(entry), location, values)]
        for entry in ENTRIES
    }
    rows = [f"| Path | {' | '.join(ENTRIES)} |", "|---|" + "---|" * len(ENTRIES)]
    for path in load("paths")[section]:
        cells = [
            path.get("open", {}).get(entry, "open")
            if is_open(path, granted, eksctl_role(entry, "*"))
            else "closed"
            for entry, granted in policies.items()
        ]
        rows.append(f"| {path['path']} | {' | '.join(cells)} |")
    return "\n".join(rows)


def escalation() -> str:
    """Ways to more rights, and for which entry they are open."""
    return _paths("escalation")


def damage() -> str:
    """Ways to do damage, and for which entry they are open."""
    return _paths("damage")


def refused() -> str:
    """The hostile calls that no entry allows, as many as the tests make."""
    sections = load("refused")
    total = sum(len(group["calls"]) for groups in sections.values() for group in groups)
    rows = [f"{total} calls are tried against every entry, and none is allowed:", ""]
    for title, groups in sections.items():
        tried = "; ".join(group["it"] for group in groups)
        rows.append(f"- **{title}**: {tried}.")
    return "\n".join(rows)


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part
    for part in (entries, variables, sizes, documents, escalation, damage, refused)
}


def reference(text: str) -> str:
    """The page with every generated part made again; raises ValueError where a mark is missing."""
    for name, part in PARTS.items():
        start, end = f"<!-- {name} -->\n", "\n<!-- end -->"
        before, rest = text.split(start)
        text = before + start + part() + end + rest.split("<!-- end -->", 1)[1]
    return text


if __name__ == "__main__":
    REFERENCE.write_text(reference(REFERENCE.read_text()))
