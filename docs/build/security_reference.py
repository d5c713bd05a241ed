"""The generated parts of docs/security.md, which `make docs` writes."""

from support.escalations import ATTEMPTS
from support.roles import ROLES, Statement, statements
from support.templates import PROJECT

PAGE = PROJECT / "docs" / "security.md"
# What a statement is for, by its Sid; one Sid means the same in every role.
PURPOSES = {
    "CreateUnderBoundaryWithTags": "make the user, only with the boundary and our tags",
    "PutUnderBoundary": "put the boundary back, or a new one on every user",
    "Users": "reconcile and delete the user",
    "Keys": "make, prove, switch and end access keys",
    "AttachOurPoliciesUnderBoundary": "attach policies of the path to users with the boundary",
    "Dependents": "remove what was hung on a user, so that it can be deleted",
    "GroupsAndDevices": "take the user out of groups; delete its virtual MFA device",
    "LookAtUsers": "see who has a name and what hangs on a user, also where it is gone",
    "NeverWithoutBoundary": "nobody lifts a boundary through the provider",
    "NeverInvites": "nobody invites the provider but an administrator",
    "NeverUnderAnother": "nobody gets another boundary through the provider",
    "CreateWithTags": "make policies and secrets, only with our tags",
    "Policies": "change, tag and delete the policies",
    "FindPolicies": "find policies that an interrupted request left",
    "NeverTheBoundary": "the boundary itself cannot be edited",
    "Secrets": "write, rename, copy and delete the secret",
    "NeverPublic": "let readers in, never everybody",
    "NeverOverAnother": "copy the secret to a region, never over another secret there",
    "OnlyByOurFunction": "scheduled rotation, by no other function",
    "InvokeRotation": "Secrets Manager asks for it at RotateSecret",
    "EncryptSecrets": "secrets under a customer key, through Secrets Manager only",
    "EndsOfGrace": "schedule the end of replaced keys",
    "FindSchedules": "find the schedules of a user",
    "LetThemInvokeTheProvider": "give schedules their role, and no other role to anybody",
    "Remember": "read and write the items of the state table",
    "AskCloudFormation": "ask whether the stack really is at work",
    "WriteLogs": "write the function's own log",
    "OnlyFromTheFunction": "nothing else that has the role can use it",
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
    """The names of all attempts, by role."""
    return "\n\n".join(
        f"{role}, {len(attempts)} attempts: {'; '.join(attempts)}."
        for role, attempts in ATTEMPTS.items()
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
