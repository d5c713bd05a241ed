"""Starts MiniStack with IAM authorisation corrected to what AWS evaluates.

MiniStack 1.5.33 judges IAM calls without paths, schedules without their group, and none with the
service's own condition keys or the function that calls, so that a correctly scoped role is refused;
it also takes any bucket for ours, misses templates at the addresses that S3 gives, rotates secrets
without asking their function, tells of no resource in progress, makes neither composite alarms nor
saved queries nor a version of a policy its default, deletes users that have a password, what others
still need and nested stacks without saying so, and never stops. Each correction names the page of
the Service Authorization Reference, "Actions, resources, and condition keys for …", or the guide,
that it follows; `tests/local_aws/test_emulator.py` fails when one is no longer needed.
"""

import contextvars
import copy
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import cloudformation, cloudwatch, iam, lambda_svc, s3, secretsmanager
from ministack.services.cloudformation import handlers, helpers, provisioners, stacks

_extract_resource_arn: Callable[..., str] = iam_actions.extract_resource_arn
_request_tag_context: Callable[..., dict[str, Any]] = iam_actions.request_tag_context
_rotate_secret: Callable[..., tuple[int, dict[str, str], bytes]] = secretsmanager._rotate_secret
_secrets_request: Callable[..., Any] = secretsmanager.handle_request
_apply_bucket_scope: Callable[..., Any] = s3._apply_bucket_scope
_evaluate: Callable[..., iam_evaluator.EvalResult] = iam_evaluator.evaluate
_delete_user: Callable[..., Any] = iam._delete_user
_delete_resource: Callable[..., None] = stacks._delete_resource
_describe_stack_resource: Callable[..., Any] = handlers._describe_stack_resource
_resolve_document: Callable[..., tuple[str | None, Any]] = helpers._resolve_document
# A physical id and the attributes.
Made = tuple[str, dict[str, str]]
_OF_STACKS: dict[str, Callable[..., Any]] = provisioners._RESOURCE_HANDLERS[
    "AWS::CloudFormation::Stack"
]
_delete_nested_stack = _OF_STACKS["delete"]
_GOES_WITH_ROOT = "_goes_with_root"
_GOING_BACK = (
    "ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
)
# One line for each decision of IAM, in the directory of the local AWS.
DECISIONS = "decisions.log"
ROTATION_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


def resource_arn(
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    params: dict[str, Any],
    region: str,
    account_id: str,
) -> str:
    """The ARN that AWS evaluates: IAM's have paths, and creations have the ARN to be."""
    if service == "iam" and (resource := _iam_resource(Parameters(params))):
        return f"arn:aws:iam::{account_id}:{resource}"
    if service == "scheduler" and path.startswith("/schedules/"):
        group = Parameters(params).text("groupName") or _json(body).get("GroupName", "default")
        name = path.removeprefix("/schedules/")
        return f"arn:aws:scheduler:{region}:{account_id}:schedule/{group}/{name}"
    return _extract_resource_arn(service, method, path, headers, body, params, region, account_id)


class Parameters(dict[str, Any]):
    """The parameters of a query, of which MiniStack keeps single values in lists."""

    def __missing__(self, _key: str) -> str:
        return ""

    def text(self, name: str) -> str:
        """The first value of a parameter, or an empty text."""
        value = self[name]
        return str(value[0]) if isinstance(value, list) else str(value)


def _iam_resource(params: Parameters) -> str:
    """Resource part of the ARN ("Resource types defined by IAM"), or nothing to correct."""
    path = params.text("Path") or "/"
    match params.text("Action"):
        case "CreatePolicy":
            return f"policy{path}{params.text('PolicyName')}"
        case "DeleteVirtualMFADevice":
            return params.text("SerialNumber").split(":", 5)[-1]
        case "AddUserToGroup" | "RemoveUserFromGroup":
            return f"group/{params.text('GroupName')}"
        case "GetAccessKeyLastUsed":
            return _user_resource(_owner_of(params.text("AccessKeyId")), path)
    if role_name := params.text("RoleName"):
        role = iam._roles.get(role_name) or {}
        return f"role{role.get('Path', path)}{role_name}"
    return _user_resource(params.text("UserName"), path)


def _user_resource(user_name: str, path: str) -> str:
    user = iam._users.get(user_name) or {}
    return f"user{user.get('Path', path)}{user_name}" if user_name else ""


def _owner_of(access_key_id: str) -> str:
    return str((iam._access_keys.get(access_key_id) or {}).get("UserName", ""))


def condition_context(
    service: str, action: str, body: bytes, params: dict[str, Any]
) -> dict[str, Any]:
    """The request's tags, and the keys of "Condition keys for IAM" and "… Secrets Manager"."""
    context = _request_tag_context(service, action, body, params)
    if service == "secretsmanager":
        return context | _secret_conditions(_json(body))
    if service != "iam":
        return context
    query = Parameters(params)
    user = iam._users.get(query.text("UserName")) or {}
    boundary = query.text("PermissionsBoundary") or user.get("PermissionsBoundary")
    keys = {
        "iam:PermissionsBoundary": boundary,
        "iam:PolicyARN": query.text("PolicyArn"),
        "iam:AWSServiceName": query.text("AWSServiceName"),
    }
    context |= {key: value for key, value in keys.items() if value}
    for tag in user.get("Tags", ()):
        context[f"aws:ResourceTag/{tag['Key']}"] = tag["Value"]
        context[f"iam:ResourceTag/{tag['Key']}"] = tag["Value"]
    return context


def _secret_conditions(request: dict[str, Any]) -> dict[str, str]:
    keys = {
        "secretsmanager:BlockPublicPolicy": str(request.get("BlockPublicPolicy", False)).lower(),
        "secretsmanager:RotationLambdaARN": request.get("RotationLambdaARN", ""),
    }
    return {key: value for key, value in keys.items() if value}


def _json(body: bytes) -> dict[str, Any]:
    found = json.loads(body or b"{}")
    return found if isinstance(found, dict) else {}


def bucket_scope(method: str, bucket: str, key: str, headers: dict[str, str], *further: Any) -> Any:
    """Refuse another owner than the one expected ("Verifying bucket ownership", S3 user guide)."""
    expected = headers.get("x-amz-expected-bucket-owner")
    if expected and s3._bucket_owner_account(bucket) not in (expected, None):
        return s3._error("AccessDenied", "Access Denied", 403, f"/{bucket}/{key}")
    return _apply_bucket_scope(method, bucket, key, headers, *further)


def document(params: dict[str, Any], body: str, url: str, label: str) -> tuple[str | None, Any]:
    """Take virtual-hosted addresses of templates too ("Virtual hosting of buckets", same guide)."""
    address = urlsplit(Parameters(params).text(url))
    bucket, virtual_hosted, _ = (address.hostname or "").partition(".s3.")
    if virtual_hosted:
        params = {**params, url: f"https://s3.amazonaws.com/{bucket}{address.path}"}
    return _resolve_document(params, body, url, label)


def delete_resource(
    kind: str, physical_id: str, properties: Any, stack_name: str = "", logical_id: str = ""
) -> None:
    """Keep what a resource needs that could not be deleted ("DependsOn attribute", user guide)."""
    stack = cloudformation._stacks.get(stack_name) or {}
    resources, definitions = stack.get("_resources", {}), stack.get("_template", {})
    for other, resource in resources.items():
        if resource.get("ResourceStatus") == "DELETE_FAILED" and other != logical_id:
            needed = stacks._with_dependencies(
                [other], definitions.get("Resources", {}), set(resources)
            )
            if logical_id in needed:
                raise RuntimeError(f"{other} needs it and could not be deleted.")
    _delete_resource(kind, physical_id, properties, stack_name, logical_id)


def describe_stack_resource(params: dict[str, Any]) -> Any:
    """Tell a resource that is in progress as well (API reference of DescribeStackResource).

    MiniStack keeps its resources as they were when an operation on them had ended; its events say
    more. AWS also deletes a resource whose creation failed when its stack goes back, tells of those
    of a nested stack that goes with its root stack, and calls one that is new in an update created.
    """
    stack = handlers._resolve_stack(handlers._p(params, "StackName"))
    wanted = handlers._p(params, "LogicalResourceId")
    events = cloudformation._stack_events.get(stack["StackId"], []) if stack else []
    last = next((one for one in reversed(events) if one["LogicalResourceId"] == wanted), None)
    if last is None:
        return _describe_stack_resource(params)
    told = {**last, "LastUpdatedTimestamp": last["Timestamp"], "StackName": stack["StackName"]}
    failed = last["ResourceStatus"] == "CREATE_FAILED" and stack["StackStatus"] in _GOING_BACK
    if failed or stack.get(_GOES_WITH_ROOT):
        told["ResourceStatus"] = "DELETE_IN_PROGRESS"
    is_new = wanted not in stack.get("_resources", {})
    if is_new and last["ResourceStatus"] == "UPDATE_IN_PROGRESS":
        told["ResourceStatus"] = "CREATE_IN_PROGRESS"
    names = (
        "StackId",
        "StackName",
        "LogicalResourceId",
        "PhysicalResourceId",
        "ResourceType",
        "ResourceStatus",
        "LastUpdatedTimestamp",
    )
    detail = "".join(f"<{name}>{escape(told[name])}</{name}>" for name in names)
    return handlers._xml(
        HTTPStatus.OK,
        "DescribeStackResourceResponse",
        f"<DescribeStackResourceResult><StackResourceDetail>{detail}</StackResourceDetail>"
        "</DescribeStackResourceResult>",
    )


def set_default_policy_version(params: Parameters) -> Any:
    """Make a version of a policy its default (API reference of SetDefaultPolicyVersion)."""
    policy = iam._policies.get(iam._p(params, "PolicyArn"))
    wanted = iam._p(params, "VersionId")
    if policy is None or wanted not in policy["Versions"]:
        return iam._error(404, "NoSuchEntity", "There is no such version.", ns="iam")
    for version in policy["Versions"].values():
        version["IsDefaultVersion"] = version["VersionId"] == wanted
    policy["DefaultVersionId"] = wanted
    return iam._xml(200, "SetDefaultPolicyVersionResponse", "", ns="iam")


def delete_user(params: Parameters) -> Any:
    """Refuse while anything of the user is there (API reference of DeleteUser)."""
    name = iam._p(params, "UserName")
    of_user = (
        name in iam._login_profiles,
        iam._user_inline_policies.get(name),
        any(device.get("User") == name for device in iam._mfa_devices.values()),
        any(name in group["Users"] for group in iam._groups.values()),
    )
    if any(of_user):
        text = "Cannot delete entity, must delete its dependents first."
        return iam._error(409, "DeleteConflict", text, ns="iam")
    return _delete_user(params)


def rotate_secret(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Leave the new version to the function ("How rotation works", Secrets Manager user guide)."""
    _, secret = secretsmanager._resolve(request.get("SecretId"))
    before = copy.deepcopy(secret["Versions"]) if secret else {}
    answer = _rotate_secret(request)
    if secret is None or answer[0] != HTTPStatus.OK:
        return answer
    secret["Versions"] = before
    if request.get("RotateImmediately", True):
        token = _json(answer[2])["VersionId"]
        secret["Versions"][token] = {
            "SecretString": None,
            "SecretBinary": None,
            "CreatedDate": int(time.time()),
            "Stages": ["AWSPENDING"],
        }
        steps = contextvars.copy_context().run
        threading.Thread(target=steps, args=(_take_steps, secret, token), daemon=True).start()
    return answer


async def secrets_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> Any:
    """Answer CancelRotateSecret too: the schedule stays, and is off (Secrets Manager API)."""
    if not headers.get("x-amz-target", "").endswith(".CancelRotateSecret"):
        return await _secrets_request(method, path, headers, body, query)
    _, secret = secretsmanager._resolve(_json(body).get("SecretId"))
    if secret is None:
        return error_response_json("ResourceNotFoundException", "There is no such secret.", 400)
    secret["RotationEnabled"] = False
    return json_response({"ARN": secret["ARN"], "Name": secret["Name"]})


def _take_steps(secret: dict[str, Any], token: str) -> None:
    """Call the function until a step fails; what is left then is AWSPENDING, as on AWS."""
    function, config, _ = lambda_svc._get_func_record_for_ref(secret["RotationLambdaARN"])
    record = lambda_svc._execution_record_for_config(function, config)
    for step in ROTATION_STEPS:
        event = {"SecretId": secret["ARN"], "ClientRequestToken": token, "Step": step}
        if lambda_svc._execute_function_with_config_scope(record, event).get("error"):
            return


def calling_function(principal_arn: str) -> dict[str, str]:
    """The function whose role's session it is ("Using source function ARN", Lambda guide).

    Lambda, and MiniStack like it, names the session after the function. AWS would not take a name
    for it; what assumes a role itself, in a test, is taken for the function if it names it.
    """
    role, _, session = principal_arn.partition(":assumed-role/")[2].partition("/")
    _, config, _ = lambda_svc._get_func_record_for_ref(session)
    if config is None or not config["Role"].endswith(f"/{role}"):
        return {}
    return {"lambda:sourcefunctionarn": config["FunctionArn"]}


def evaluate(context: iam_evaluator.EvalContext, *policies: Any) -> iam_evaluator.EvalResult:
    """Decide as MiniStack does, and write down who asked for what: a trail of rights used."""
    context.service_context |= calling_function(context.principal_arn)
    result = _evaluate(context, *policies)
    with Path(os.environ["TMPDIR"], DECISIONS).open("a") as trail:
        trail.write(f"{context.principal_arn} {context.action} {result.decision}\n")
    return result


def composite_alarm(logical_id: str, properties: dict[str, Any], stack_name: str) -> Made:
    """Make an alarm of alarms: MiniStack has the call, but not the resource type."""
    name = properties.get("AlarmName", f"{stack_name}-{logical_id}")
    status, _, body = cloudwatch._put_composite_alarm(
        {}, properties | {"AlarmName": name}, False, is_json=True
    )
    if status != HTTPStatus.OK:
        raise ValueError(body.decode())
    arn = f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"
    return name, {"Arn": arn}


def saved_query(logical_id: str, _properties: dict[str, Any], stack_name: str) -> Made:
    """Take a query of Logs Insights, which MiniStack does not run, so that the stack is made."""
    return f"{stack_name}-{logical_id}", {"QueryDefinitionId": f"{stack_name}-{logical_id}"}


def resource_types() -> dict[str, dict[str, Callable[..., Any]]]:
    """The types that MiniStack does not make, as it keeps those that it makes."""
    return {
        "AWS::CloudWatch::CompositeAlarm": {
            "create": composite_alarm,
            "update": lambda name, _old, new, stack: composite_alarm(
                "", {"AlarmName": name} | new, stack
            ),
            "delete": lambda name, _properties: cloudwatch._composite_alarms.pop(name, None),
        },
        "AWS::Logs::QueryDefinition": {
            "create": saved_query,
            "update": lambda name, *_: (name, {"QueryDefinitionId": name}),
            "delete": lambda *_: None,
        },
    }


def delete_nested_stack(physical_id: str, properties: dict[str, Any]) -> None:
    """Say while its resources are deleted that the nested stack is being deleted.

    CloudFormation user guide, "Split a template into reusable pieces using nested stacks": deleting
    the root stack deletes them as stacks, with a status of their own.
    """
    if child := cloudformation._stacks.get(provisioners._nested_stack_lookup_name(physical_id)):
        child["StackStatus"] = "DELETE_IN_PROGRESS"
        child[_GOES_WITH_ROOT] = True
    _delete_nested_stack(physical_id, properties)


def main() -> None:
    """Serve on GATEWAY_PORT alone: MiniStack would take port 443 as well where it can."""
    iam_evaluator.evaluate = evaluate
    iam_actions.extract_resource_arn = resource_arn
    iam_actions.request_tag_context = condition_context
    s3._apply_bucket_scope = bucket_scope
    helpers._resolve_document = document
    stacks._delete_resource = delete_resource
    handlers._ACTION_HANDLERS["DescribeStackResource"] = describe_stack_resource
    iam._IAM_HANDLERS["DeleteUser"] = delete_user
    iam._IAM_HANDLERS["SetDefaultPolicyVersion"] = set_default_policy_version
    _OF_STACKS["delete"] = delete_nested_stack
    secretsmanager._rotate_secret = rotate_secret
    secretsmanager.handle_request = secrets_request
    provisioners._RESOURCE_HANDLERS.update(resource_types())
    app._port_is_bindable = lambda _host, _port: False
    threading.Thread(target=_end_with_parent, daemon=True).start()
    app.main()


def _end_with_parent() -> None:
    """Leave no process behind, the functions' ones included, when whoever started us is gone."""
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
