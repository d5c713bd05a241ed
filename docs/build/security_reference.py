"""The generated parts of docs/security.md, which `make docs` writes."""

from support.escalations import ATTEMPTS
from support.roles import ROLES, Statement, statements
from support.templates import PROJECT

PAGE = PROJECT / "docs" / "security.md"
# What a statement is for, by its Sid; one Sid means the same in every role.
PURPOSES = {
    "CreateUnderBoundaryWithTags": "create the user, only with the boundary and our tags",
    "PutUnderBoundary": "restore the boundary, or set a new one on every user",
    "Users": "reconcile and delete the user",
    "Keys": "create, test, switch and delete access keys",
    "AttachOurPoliciesUnderBoundary": "attach policies of the path to users with the boundary",
    "Dependents": "remove what people attached to a user, so that it can be deleted",
    "GroupsAndDevices": "take the user out of groups; delete its virtual MFA device",
    "LookAtUsers": "see who has a name and what is attached to a user, even a deleted one",
    "NeverWithoutBoundary": "nobody removes a boundary through the provider",
    "NeverInvites": "nobody invites the provider but an administrator",
    "NeverUnderAnother": "nobody gets another boundary through the provider",
    "CreateWithTags": "create policies and secrets, only with our tags",
    "Policies": "change, tag and delete the policies",
    "FindPolicies": "find policies that an interrupted request left",
    "NeverTheBoundary": "the boundary itself cannot be edited",
    "Secrets": "write, rename, copy and delete the secret",
    "SecretVersions": "read and write versions of the secret, and move their labels",
    "NeverPublic": "allow readers, never everybody",
    "NeverOverAnother": "copy the secret to a region, never over another secret there",
    "OnlyByOurFunction": "scheduled rotation, by no other function",
    "InvokeRotation": "RotateSecret of Secrets Manager requires it",
    "EncryptSecrets": "secrets under a customer key, through Secrets Manager only",
    "EndsOfGrace": "schedule the end of replaced keys",
    "FindSchedules": "find the schedules of a user",
    "LetThemInvokeTheProvider": "give schedules their role, and no other role to anybody",
    "Remember": "read and write the items of the state table",
    "AskCloudFormation": "ask whether the stack is really in an operation",
    "WriteLogs": "write the function's own log",
    "OnlyFromTheFunction": "nothing but the function can use its role",
    "InvokeProvider": "a schedule invokes the provider",
}


def roles_tables() -> str:
    """A table for each role: statement, effect, actions, purpose."""
    parts = []
    for role in ROLES:
        rows = [_row(one) for one in statements(role)]
        head = ["| Statement | | Actions | For |", "| --- | --- | --- | --- |"]
        parts.append("\n".join([f"### {role}", "", *head, *rows]))
    return "\n\n".join(parts)


def refusals() -> str:
    """The name of every attempt once, by the roles that it was tried with."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in dict.fromkeys(name for attempts in ATTEMPTS.values() for name in attempts):
        roles = tuple(role for role, attempts in ATTEMPTS.items() if name in attempts)
        groups.setdefault(roles, []).append(name)
    return "\n".join(
        f"- **{', '.join(roles)}**, {len(names)}: {'; '.join(names)}."
        for roles, names in groups.items()
    )


def page(text: str) -> str:
    """The page with its generated parts as they should be."""
    for name, content in (("roles", roles_tables()), ("refusals", refusals())):
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{content}\n\n{end}{after}"
    return text


def _row(one: Statement) -> str:
    actions = "all but " * one.all_but + ", ".join(f"`{action}`" for action in one.actions)
    return f"| {one.sid} | {one.effect} | {actions} | {PURPOSES[one.sid]} |"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
