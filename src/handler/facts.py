"""What is told of the work beside its answer: lines of the log, and metrics.

There is one line for each decision and each change. Metrics go to the log as well, from which
CloudWatch takes them (CloudWatch User Guide, "Embedded metric format"): no call, no permission.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "RestrictedIAMUser"


class Metric(StrEnum):
    """Every metric that there is. `REQUESTS` is by operation and result, the others by nothing."""

    REQUESTS = "Requests"
    FAILED_REQUESTS = "FailedRequests"
    ROTATIONS = "Rotations"
    FAILED_ROTATIONS = "FailedRotations"
    ROTATIONS_PUT_OFF = "RotationsPutOff"
    FAILED_RETIREMENTS = "FailedRetirements"
    SECONDS_UNTIL_ACCEPTED = "SecondsUntilKeyAccepted"
    REPLACED_KEYS_IN_USE = "ReplacedKeysInUse"
    REPLACED_KEYS_AT_LIMIT = "ReplacedKeysInUseAtLimit"
    KEYS_DISABLED_BY_OTHERS = "KeysDisabledByOthers"


@dataclass(frozen=True)
class Fact:
    """Something that was decided or changed, why, and what it was about; nothing of it is secret.

    `what` is a word that queries look for. `about` has the names and ids that AWS uses.
    """

    what: str
    why: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[Metric, float] = field(default_factory=dict)


# POWERTOOLS_SERVICE_NAME, the stack of the function, is its service and that of the metrics.
logger = Logger()


def concern(**about: str) -> None:
    """Write this to every further line of the invocation."""
    logger.append_keys(**about)


def tell(fact: Fact) -> None:
    """Write one line, and count what is to be counted."""
    extra = {"why": fact.why, **fact.about} if fact.why else dict(fact.about)
    logger.info(fact.what, extra=extra)
    for metric, value in fact.counts.items():
        count(metric, value)


def count(metric: Metric, value: float = 1, **dimensions: str) -> None:
    """Add to a metric."""
    unit = MetricUnit.Seconds if metric is Metric.SECONDS_UNTIL_ACCEPTED else MetricUnit.Count
    where = {"service": logger.service, **dimensions}
    with single_metric(metric.value, unit, value, namespace=NAMESPACE, default_dimensions=where):
        """Leaving the block writes it."""
