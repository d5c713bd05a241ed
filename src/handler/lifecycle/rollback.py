"""Serving a Create or Update of a stack that may turn back at any moment."""

from handler.aws.account import Account
from handler.aws.secretsmanager.description import CURRENT
from handler.cloudformation import stack
from handler.cloudformation.request import Request
from handler.cloudformation.stack import Operation
from handler.errors import GivenUpError
from handler.lifecycle import delete
from handler.lifecycle.apply import apply
from handler.lifecycle.change import Change, desired_of
from handler.policies.catalogue import Catalogue


def apply_or_undo(
    account: Account, request: Request, catalogue: Catalogue
) -> tuple[dict[str, str], str]:
    """Apply the request; if its stack turns back, leave what the roll-back would leave.

    CloudFormation does not wait for a cancelled Create or Update: its Delete or roll-back Update
    may be served at the same time, so whichever ends last must end in the same state. Returns the
    attributes, and what was done and why.
    """
    desired = desired_of(account, request, catalogue)
    operation = stack.ask(account, request)
    change = Change.of(account, request, operation, desired)
    try:
        stack.refuse_given_up_create(request, operation)
        done = apply(change)
    except Exception as error:
        if operation.forward or isinstance(error, GivenUpError):
            now = stack.describe(account, request)
            if now.given_up:
                _undo(change, now, catalogue)
        raise
    if operation.rolling_back:
        delete.delete_successor(account, request, catalogue)
    return done


def _undo(change: Change, operation: Operation, catalogue: Catalogue) -> None:
    account, request = change.account, change.request
    if request.type == "Create" or request.replaces:
        if _finished(change):
            return
        if request.type == "Create":
            delete.delete_resource(account, request, catalogue)
        else:
            delete.delete_user(account, request, request.physical_id, catalogue)
        return
    before = request.undone()
    apply(Change.of(account, before, operation, desired_of(account, before, catalogue)))


def _finished(change: Change) -> bool:
    """Whether the user got its credentials: then CloudFormation's own Delete finds everything.

    It also keeps a late second delivery from undoing what has long been in use.
    """
    secret = change.account.secret(change.desired.secret_name)
    if secret.owned(change.request.owner) is None:
        return False
    stored = secret.stored_key(CURRENT)
    return stored is not None and stored.user_name == change.desired.user_name
