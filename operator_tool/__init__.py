"""restricted-iam-user.pyz: what operators of restricted IAM users ask, in one file.

It works with the credentials and rights of whoever runs it, reads only, and changes something in
`adopt` alone. What it may not read it names, and shows the rest.
"""

NAME = "restricted-iam-user.pyz"
# Exit codes, for pipelines.
FINE = 0
FINDINGS = 1
COULD_NOT = 2


class ToolError(Exception):
    """What stops a command; the message is one sentence for the person who runs it."""
