"""An AWS that a test comes back to, which is quicker than making everything in it once more."""

import io
import pickle
from typing import Any

from moto.cloudformation.models import cloudformation_backends
from moto.core.base_backend import BaseBackend
from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import iam_backends
from moto.scheduler.models import scheduler_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sts.models import sts_backends

_ACCOUNT = "123456789012"


def _backends() -> list[Any]:
    regional = (
        cloudformation_backends,
        dynamodb_backends,
        scheduler_backends,
        secretsmanager_backends,
    )
    globally = (iam_backends, sts_backends)
    return [
        *(backend[_ACCOUNT]["us-east-1"] for backend in regional),
        *(backend[_ACCOUNT]["aws"] for backend in globally),
    ]


class Snapshot:
    """What moto held when this was made, as often as it is wanted."""

    def __init__(self) -> None:
        written = io.BytesIO()
        _Pickler(written, pickle.HIGHEST_PROTOCOL).dump([vars(one) for one in _backends()])
        self._bytes = written.getvalue()

    def restore(self) -> None:
        """Put everything back; objects of moto that a test still holds are no longer in it."""
        held = _Unpickler(io.BytesIO(self._bytes)).load()
        for backend, state in zip(_backends(), held, strict=True):
            vars(backend).clear()
            vars(backend).update(state)


class _Pickler(pickle.Pickler):
    """Keeps the backends themselves, which some of their things refer to, out of it."""

    def persistent_id(self, obj: Any) -> int | None:
        if not isinstance(obj, BaseBackend):
            return None
        return next(number for number, one in enumerate(_backends()) if one is obj)


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> Any:
        return _backends()[pid]
