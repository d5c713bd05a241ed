"""The Lambda function: from an event of CloudFormation to its answer."""

import traceback
from typing import Any

from aws_lambda_powertools import Logger

from handler.aws.account import Account
from handler.aws.clients import clients
from handler.cloudformation.event import envelope_problem
from handler.cloudformation.request import Request
from handler.cloudformation.response import CustomResource, UndeliveredError
from handler.deadline import Deadline, LambdaContext
from handler.errors import UnansweredError, reason
from handler.keys.grace import Retirement
from handler.keys.retire import retire
from handler.lifecycle.serve import serve
from handler.policies.catalogue import load_catalogue
from handler.settings import Settings

logger = Logger(service="restricted-iam-user")
custom_resource = CustomResource()


@logger.inject_lambda_context(log_event=False, clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Serve one event of `Custom::RestrictedIAMUser`, or the end of a replaced key's grace.

    Raises UnansweredError when another request of the resource was being served all the time, and
    UndeliveredError when CloudFormation did not take the answer. Lambda then delivers the event
    again, which is safe because a request is answered once. A key whose end fails is tried again
    likewise.
    """
    if ended := Retirement.parse(event):
        logger.info(retire(_account(context), ended))
        return
    settings = Settings.from_environ(context.invoked_function_arn)
    if problem := envelope_problem(event, settings.location):
        logger.error(f"Refused, because it is no event of a custom resource: {problem}.")
        return
    logger.append_keys(
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

    def explain(error: Exception) -> str:
        text = reason(error, context.log_stream_name)
        frames = traceback.extract_tb(error.__traceback__)
        logger.error(text, extra={"at": [f"{f.name}:{f.lineno}" for f in frames[-3:]]})
        return text

    try:
        account = _account(context)
        answer = serve(account, request, load_catalogue(), logger.info, explain)
        for remark in account.remarks:
            logger.warning(remark)
        custom_resource.Status, custom_resource.Reason = answer.status, answer.reason
        custom_resource.Data = dict(answer.data)
    except UnansweredError as error:
        custom_resource.unanswered = error
        explain(error)
    except Exception as error:  # noqa: BLE001 - CloudFormation must get an answer
        custom_resource.Status, custom_resource.Reason = "FAILED", explain(error)
    return request.physical_id


def _account(context: LambdaContext) -> Account:
    deadline = Deadline(context)
    return Account(clients(deadline), Settings.from_environ(context.invoked_function_arn), deadline)
