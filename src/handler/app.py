"""The Lambda function: from an event of CloudFormation to its answer."""

import traceback
from typing import Any

# Before the SDK: what makes its import quicker, and what is read meanwhile.
import handler.cloudformation.certificates
import handler.start  # noqa: F401
from handler.aws.account import Account
from handler.aws.clients import clients
from handler.cloudformation.event import envelope_problem
from handler.cloudformation.request import PROVIDER_TYPE, Request
from handler.cloudformation.response import CustomResource, UndeliveredError
from handler.deadline import Deadline, LambdaContext
from handler.errors import UnansweredError, reason
from handler.facts import Fact, Metric, concern, count, logger, tell
from handler.keys.retire import retire
from handler.keys.retirement import Retirement
from handler.lifecycle import provider
from handler.lifecycle.serve import serve
from handler.policies.catalogue import load_catalogue
from handler.properties import schema
from handler.settings import Settings

custom_resource = CustomResource()


@logger.inject_lambda_context(log_event=False, clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Serve one event of a custom resource, or the end of a replaced key's grace.

    `Custom::RestrictedIAMUserProvider` is the provider's own, any other type is a user's.

    Raises UnansweredError when the request cannot be answered now: another one is being served, the
    lease was lost, or the table did not take the record. Raises UndeliveredError when
    CloudFormation did not take the answer. Lambda then delivers the event again, which is safe
    because a request is answered once. A key whose end fails is tried again likewise.
    """
    if ended := Retirement.parse(event):
        _retire(ended, context)
        return
    settings = Settings.from_environ(context.invoked_function_arn)
    if problem := envelope_problem(event, settings.location):
        logger.error(f"Refused, because it is no event of a custom resource: {problem}.")
        return
    concern(
        request_type=event["RequestType"],
        request_id=event["RequestId"],
        stack_id=event["StackId"],
        logical_id=event["LogicalResourceId"],
    )
    custom_resource(event, context)
    if custom_resource.unanswered:
        raise custom_resource.unanswered
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
    if request.resource_type != PROVIDER_TYPE and schema.allows("UserName", request.physical_id):
        concern(user_name=request.physical_id)

    def tell_done(done: str) -> None:
        tell(Fact("Served", done))
        count(Metric.REQUESTS, operation=request.type, result="Succeeded")

    def explain(error: Exception) -> str:
        comes_again = isinstance(error, UnansweredError)
        if not comes_again:
            count(Metric.FAILED_REQUESTS)
        result = "ComesAgain" if comes_again else "Failed"
        count(Metric.REQUESTS, operation=request.type, result=result)
        return _log_failure(error, context)

    try:
        if request.resource_type == PROVIDER_TYPE:
            answer = provider.serve(_account(context), request, tell_done, explain)
        else:
            answer = serve(_account(context), request, load_catalogue(), tell_done, explain)
        custom_resource.Status, custom_resource.Reason = answer.status, answer.reason
        custom_resource.Data = dict(answer.data)
    except UnansweredError as error:
        custom_resource.unanswered = error
        explain(error)
    except Exception as error:  # noqa: BLE001 - CloudFormation must get an answer
        custom_resource.Status, custom_resource.Reason = "FAILED", explain(error)
    return request.physical_id


def _retire(ended: Retirement, context: LambdaContext) -> None:
    concern(
        stack_id=ended.owner.stack_id,
        logical_id=ended.owner.logical_id,
        user_name=ended.user_name,
        access_key_id=ended.access_key_id,
    )
    try:
        retire(_account(context), ended)
    except Exception as error:
        _log_failure(error, context)
        if not isinstance(error, UnansweredError):
            count(Metric.FAILED_RETIREMENTS)
        raise


def _log_failure(error: Exception, context: LambdaContext) -> str:
    """Write why something failed, and where; returns the reason."""
    text = reason(error, context.log_stream_name)
    frames = traceback.extract_tb(error.__traceback__)
    at = [f"{frame.name}:{frame.lineno}" for frame in frames[-3:]]
    logger.error("Failed", extra={"why": text, "at": at})
    return text


def _account(context: LambdaContext) -> Account:
    deadline = Deadline(context)
    return Account(clients(deadline), Settings.from_environ(context.invoked_function_arn), deadline)
