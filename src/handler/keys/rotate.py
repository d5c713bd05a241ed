"""Carrying out what is decided about a key: a new one always comes before the old one goes."""

from handler import clock
from handler.aws.secretsmanager.description import CURRENT
from handler.facts import Fact, Metric, count, tell
from handler.keys.credentials import Credentials
from handler.keys.observed import Observed
from handler.keys.plan import Decision, Keep, Purpose, Restore, Rotate, plan
from handler.keys.verify import verify
from handler.model.keys import AccessKey, StoredKey


def decide(observed: Observed, purpose: Purpose) -> Decision:
    """Decide what to do about the key, and tell it; raises KeyLimitError."""
    if disabled := observed.disabled:
        about = {"access_key_id": disabled.access_key_id}
        why = "somebody deactivated or deleted the current key"
        tell(Fact("KeyDisabledByOthers", why, about, {Metric.KEYS_DISABLED_BY_OTHERS: 1}))
    decision = plan(observed, purpose)
    kept = None if isinstance(decision, Rotate) else decision.version
    about = {"access_key_id": kept.access_key_id} if kept else {}
    tell(Fact(type(decision).__name__, decision.reason, about))
    return decision


def fill(credentials: Credentials, token: str, purpose: Purpose, observed: Observed) -> StoredKey:
    """Make AWSCURRENT hold a key for the purpose, proven when it was made; returns that key.

    `token` becomes the version id of a new key.
    """
    decision = decide(observed, purpose)
    credentials.discard(decision.delete_before)
    match decision:
        case Keep():
            current = decision.version
        case Restore():
            current = decision.version
            credentials.secret.restore(current.version_id)
        case _:
            current = _rotate(credentials, token, purpose.trigger, observed)
    credentials.discard(decision.delete_after)
    # A key that comes back takes the place of the other one now, a new key since it was made.
    replaced = clock.now() if isinstance(decision, Restore) else current.created
    gone = (*decision.delete_before, *decision.delete_after)
    published = clock.now().isoformat() if isinstance(decision, Rotate) else ""
    credentials.remember(observed, current, replaced, gone, published)
    return current


def _rotate(credentials: Credentials, token: str, trigger: str, observed: Observed) -> StoredKey:
    key = credentials.make(token, trigger, observed)
    try:
        verify(key, credentials.account.deadline)
        credentials.secret.publish(credentials.content(key, trigger), token)
    except Exception:
        if not _published(credentials, key):
            credentials.keys.discard(key.access_key_id)
            raise
    if observed.current:
        count(Metric.ROTATIONS)
    return StoredKey(token, credentials.user_name, key.access_key_id, key.created, trigger)


def _published(credentials: Credentials, key: AccessKey) -> bool:
    """Whether the secret took the key although its answer was lost."""
    stored = credentials.secret.stored_key(CURRENT)
    return stored is not None and stored.access_key_id == key.access_key_id
