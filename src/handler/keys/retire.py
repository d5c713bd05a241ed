"""Serving a schedule that has come to the end of a replaced key's grace.

It may fire late, twice, or for what is long gone, and anybody who may invoke the function can
send its event. So everything is asked again, and what is not clearly over is left alone.
"""

from datetime import timedelta

from handler.aws.account import Provider
from handler.aws.iam.access_keys import AccessKeys
from handler.aws.iam.user import IamUser
from handler.aws.schedules import Schedules
from handler.aws.secretsmanager.description import CURRENT, PREVIOUS
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.cloudformation import stack
from handler.keys import grace
from handler.keys.grace import Retirement

_PATIENCE = timedelta(minutes=15)
_TOLERANCE = timedelta(minutes=1)  # Between the clocks of Lambda and IAM.


def retire(provider: Provider, retirement: Retirement) -> str:
    """Delete the key if it was replaced and its grace is over; returns what was done and why.

    While the stack is at work its roll-back may want the key back, so the end is put off.
    """
    clients, owner = provider.clients, retirement.owner
    user = IamUser(clients.iam, retirement.user_name).describe()
    if user is None or not user.belongs_to(owner, provider.settings.iam_path):
        return "Nothing to do: the user is gone or not ours."
    secret = CredentialSecret(clients.secretsmanager, retirement.secret_name)
    state = secret.describe()
    if state is None or not state.usable_by(owner):
        return "Nothing to do: the secret is gone or not ours."
    # Asked before the keys: a roll-back that ends in between is then seen in one or the other.
    busy = stack.is_busy(clients.cloudformation, owner)
    current, previous = secret.stored_key(CURRENT), secret.stored_key(PREVIOUS)
    if (
        current is None
        or previous is None
        or previous.access_key_id != retirement.access_key_id
        or previous.user_name != retirement.user_name
        or current.access_key_id == retirement.access_key_id
    ):
        return "Nothing to do: the key is not the one that was replaced last."
    if grace.now() < grace.grace_ends(current, grace.hours_of(state.tags)) - _TOLERANCE:
        return "Nothing to do: the grace of the key is not over."
    if busy:
        schedules = Schedules(provider, owner, retirement.user_name)
        schedules.ensure(retirement, grace.now() + _PATIENCE)
        return "Put off: the stack is at work and may roll back to the key."
    AccessKeys(clients.iam, clients.iam_once, retirement.user_name).discard(
        retirement.access_key_id
    )
    return f"Deleted access key {retirement.access_key_id}, which was replaced."
