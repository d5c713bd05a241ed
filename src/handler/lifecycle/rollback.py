"""Serving a Create or Update of a stack that may turn back at any moment."""

from handler.aws.account import Provider
from handler.aws.secretsmanager.description import CURRENT
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.cloudformation import stack
from handler.cloudformation.request import Request
from handler.cloudformation.stack import Operation
from handler.errors import GivenUpError
from handler.lifecycle import apply as provisioner
from handler.lifecycle import delete as deletion
from handler.model.values import Desired
from handler.policies.catalogue import load_catalogue
from handler.properties.desired import desired_state


def apply_or_undo(provider: Provider, request: Request, desired: Desired) -> dict[str, str]:
    """Apply the request; if its stack turns back, leave what the roll-back would leave.

    CloudFormation does not wait for a cancelled Create or Update: its Delete or roll-back Update
    may be served at the same time, so whichever ends last must end in the same state.
    """
    client, location = provider.clients.cloudformation, provider.location
    operation = stack.ask(client, request, location)
    try:
        stack.refuse_given_up_create(request, operation)
        attributes = provisioner.apply(
            provider,
            request,
            desired,
            operation,
            lambda: stack.confirm(client, request, location, operation),
        )
    except Exception as error:
        if operation.forward or isinstance(error, GivenUpError):
            now = stack.describe(client, request, location)
            if now.given_up:
                _undo(provider, request, desired, now)
        raise
    if operation.rolling_back:
        deletion.delete_successor(provider, request)
    return attributes


def _undo(provider: Provider, request: Request, desired: Desired, operation: Operation) -> None:
    if request.type == "Create" or request.replaces:
        if _finished(provider, request, desired):
            return
        if request.type == "Create":
            deletion.delete_resource(provider, request)
        else:
            deletion.delete_user(provider, request, request.physical_id)
        return
    before = request.undone()
    former = desired_state(before, provider.settings, provider.location, load_catalogue())
    provisioner.apply(provider, before, former, operation, lambda: None)


def _finished(provider: Provider, request: Request, desired: Desired) -> bool:
    """Whether the user got its credentials: then CloudFormation's own Delete finds everything.

    It also keeps a late second delivery from undoing what has long been in use.
    """
    secret = CredentialSecret(provider.clients.secretsmanager, desired.secret_name)
    state = secret.describe()
    if state is None or not state.usable_by(request.owner):
        return False
    stored = secret.stored_key(CURRENT)
    return stored is not None and stored.user_name == desired.user_name
