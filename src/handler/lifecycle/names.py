"""The names that a resource may have used, when nothing of it is remembered."""

from collections.abc import Iterable

from handler.cloudformation.request import Request, generated_user_name
from handler.properties import schema


def user_names(request: Request) -> list[str]:
    """Names that the user may have; the physical id may be one that CloudFormation invented."""
    names = (
        request.physical_id,
        request.former_physical_id,
        request.properties.get("UserName"),
        generated_user_name(request.owner),
    )
    return _valid("UserName", names)


def secret_names(request: Request, names: list[str], prefix: str) -> list[str]:
    """Names that the secret may have, all of them under the prefix."""
    given = (request.properties.get("SecretName"), request.old_properties.get("SecretName"))
    wanted = [*given, *(prefix + name for name in names)]
    return [name for name in _valid("SecretName", wanted) if name.startswith(prefix)]


def _valid(property_name: str, values: Iterable[object]) -> list[str]:
    """The values that the property may have, each once: a Delete may carry anything."""
    return list(
        dict.fromkeys(
            value
            for value in values
            if isinstance(value, str) and schema.allows(property_name, value)
        )
    )
