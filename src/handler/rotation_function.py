"""The Lambda function that Secrets Manager calls to rotate a secret on its schedule.

It has a role of its own, which can neither make nor delete users, policies or secrets.
"""

from typing import Any

import handler.start  # noqa: F401 - before the SDK
from handler.aws.account import Account
from handler.aws.clients import clients
from handler.deadline import Deadline, LambdaContext
from handler.errors import RotationPutOffError, RotationRefusedError, UnansweredError, reason
from handler.facts import Fact, Metric, concern, count, logger, tell
from handler.rotation.event import read
from handler.rotation.steps import take
from handler.settings import Settings

# Shorter than that of the provider: Secrets Manager takes a failure at any time.
_RESERVE_SECONDS = 20.0


@logger.inject_lambda_context(log_event=False, clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Serve one step of a rotation.

    Raises RotationRefusedError when it fails, upon which Secrets Manager begins again with the
    first step; every step can be repeated. Secrets Manager User Guide, "Rotation by Lambda
    function".
    """
    try:
        step = read(event)
        concern(step=step.name, secret_id=step.secret_id, version_id=step.token)
        settings = Settings.from_environ(context.invoked_function_arn)
        deadline = Deadline(context, _RESERVE_SECONDS)
        account = Account(clients(deadline), settings, deadline)
        done = take(account, step)
    except Exception as error:  # noqa: BLE001 - told without its text, then raised
        message = reason(error, context.log_stream_name)
        logger.error("Failed", extra={"why": message})
        put_off = isinstance(error, RotationPutOffError | UnansweredError)
        count(Metric.ROTATIONS_PUT_OFF if put_off else Metric.FAILED_ROTATIONS)
        # Without its cause, whose text may quote a value.
        raise RotationRefusedError(message) from None
    tell(Fact("StepTaken", done))
