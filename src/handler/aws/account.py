"""What every request is served with."""

from dataclasses import dataclass

from handler.aws.clients import Clients
from handler.deadline import Deadline
from handler.model.values import Location
from handler.settings import Settings


@dataclass(frozen=True)
class Provider:
    """Clients, the operator's decisions, the place, the time that is left.

    `function_arn` is the function that schedules invoke.
    """

    clients: Clients
    settings: Settings
    location: Location
    deadline: Deadline
    function_arn: str
