"""The Lambda function: from an event of CloudFormation to its answer."""

import traceback
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from handler import deletion, recovery
from handler.catalogue import load_catalogue
from handler.clients import clients
from handler.deadline import Deadline, LambdaContext
from handler.desired import desired_state
from handler.errors import ProviderError
from handler.provisioner import Provider
from handler.request import Request, envelope_problem
from handler.response import CustomResource, UndeliveredError
from handler.settings import Settings

logger = Logger(service="restricted-iam-user")
custom_resource = CustomResource()


@logger.inject_lambda_context(log_event=False, clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Serve one event of `Custom::RestrictedIAMUser`.

    Raises UndeliveredError when CloudFormation did not take the answer: Lambda then delivers the
    event again, which is safe because every request can be repeated.
    """
    if problem := envelope_problem(event):
        logger.error(f"Refused, because it is no event of a custom resource: {problem}.")
        return
    logger.append_keys(
        request_type=event["RequestType"],
        request_id=event["RequestId"],
        stack_id=event["StackId"],
        logical_id=event["LogicalResourceId"],
    )
    custom_resource(event, context)
    if custom_resource.undelivered:
        raise UndeliveredError(
            f"CloudFormation did not take the answer: {custom_resource.undelivered}"
        )


@custom_resource.create
@custom_resource.update
@custom_resource.delete
def _answer(event: dict[str, Any], context: LambdaContext) -> str:
    """Called by crhelper; never raises, so that the Reason is ours and holds nothing secret."""
    request = Request.from_event(event)
    try:
        custom_resource.Data = _serve(request, context)
    except Exception as error:  # noqa: BLE001 - CloudFormation must get an answer
        custom_resource.Status = "FAILED"
        custom_resource.Reason = _reason(error, context)
        frames = traceback.extract_tb(error.__traceback__)
        logger.error(
            custom_resource.Reason, extra={"at": [f"{f.name}:{f.lineno}" for f in frames[-3:]]}
        )
    return request.physical_id


def _serve(request: Request, context: LambdaContext) -> dict[str, str]:
    settings = Settings.from_environ()
    location = settings.location(context.invoked_function_arn)
    provider = Provider(clients(), settings, location, Deadline(context))
    if request.type == "Delete":
        deletion.delete(provider, request)
        return {}
    desired = desired_state(request, settings, location, load_catalogue())
    return recovery.apply_or_undo(provider, request, desired)


def _reason(error: Exception, context: LambdaContext) -> str:
    """What the stack events show of a failure."""
    if isinstance(error, ProviderError):
        return str(error)
    if isinstance(error, ClientError):
        answer = error.response["Error"]
        return f"AWS refused {error.operation_name}: {answer['Code']}: {answer['Message']}"
    # The text of an unforeseen exception may quote a value, so only its kind is told.
    return f"Internal error {type(error).__name__}; see log stream {context.log_stream_name}."
