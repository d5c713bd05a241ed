"""What Secrets Manager asks the rotation function for, and whether it may be served."""

import re
from dataclasses import dataclass
from typing import Any

from handler.aws.account import Provider
from handler.aws.iam.user import IamUser
from handler.aws.secretsmanager.description import CURRENT, PENDING
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.errors import RotationRefusedError
from handler.model.values import Owner
from handler.rotation.steps import Rotation
from handler.state.notes import KEYS_TAG, MintNote

_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
# API reference of Secrets Manager, RotateSecret: what AWS itself would refuse is not asked.
_SECRET_ID = re.compile(r"[A-Za-z0-9/_+=.@:-]{1,2048}")
_TOKEN = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True)
class Step:
    """What Secrets Manager asks for: a step, for the version `token` of a secret."""

    name: str
    secret_id: str
    token: str


def read(event: Any) -> Step:
    """Read the event; raises RotationRefusedError when it is not one of a rotation."""
    names = ("Step", "SecretId", "ClientRequestToken")
    values = [event.get(name) if isinstance(event, dict) else None for name in names]
    step, secret_id, token = (value if isinstance(value, str) else "" for value in values)
    if step not in _STEPS or not _SECRET_ID.fullmatch(secret_id) or not _TOKEN.fullmatch(token):
        raise RotationRefusedError("This is no step of a rotation by Secrets Manager.")
    return Step(step, secret_id, token)


def begin(provider: Provider, step: Step) -> Rotation:
    """The rotation that the step is of; raises RotationRefusedError when there is none of ours."""
    secret = CredentialSecret(provider.clients.secretsmanager, step.secret_id)
    state = secret.describe()
    owner = Owner.of(state.tags) if state and not state.awaits_deletion else None
    if state is None or owner is None or state.rotation is None:
        raise RotationRefusedError(f"{step.secret_id} is no secret that is rotated here.")
    labels = state.stages.get(step.token, [])
    if CURRENT not in labels and PENDING not in labels:
        raise RotationRefusedError(f"Version {step.token} is not being rotated to.")
    stored = secret.stored_key(CURRENT)
    user = IamUser(provider.clients.iam, stored.user_name) if stored else None
    user_state = user.describe() if user else None
    if (
        stored is None
        or user is None
        or user_state is None
        or not user_state.belongs_to(owner, provider.settings.iam_path)
    ):
        raise RotationRefusedError("The secret holds no key of a user that belongs to it.")
    note = MintNote.parse(user_state.tags.get(KEYS_TAG, ""))
    return Rotation(provider, secret, state, owner, user, note, stored, step.token)
