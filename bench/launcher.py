"""Starts the local AWS as the demo does, writes down every call of a function, and makes keys.

MiniStack 1.5.33 has no AWS::IAM::AccessKey. The native resources need one, so it is added here: it
makes and deletes keys by the engine's own IAM, and a changed Serial replaces it, as on AWS.
"""

import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

sys.path[:0] = [str(Path(__file__).parents[1])]

from ministack.services import (
    cloudformation,
    dynamodb,
    iam,
    scheduler,
    ssm,
    sts,
)
from ministack.services.cloudformation import provisioners

from demo import launcher

# One line for each call that did not come from the account's root, with its service.
CALLS = Path(os.environ["HOME"]) / "calls"
_ROOT = "Credential=local-root"

Serve = Callable[..., Awaitable[tuple[int, dict[str, str], bytes]]]


def written_down(name: str, serve: Serve) -> Serve:
    """The service, which writes down what functions and users call."""

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, *further: Any
    ) -> tuple[int, dict[str, str], bytes]:
        authorization = headers.get("authorization", "")
        if authorization and _ROOT not in authorization:
            with CALLS.open("a") as told:
                told.write(f"{name}:{_operation(method, path, headers, body)}\n")
        return await serve(method, path, headers, body, *further)

    return handle_request


def _operation(method: str, path: str, headers: dict[str, str], body: bytes) -> str:
    if target := headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if found := parse_qs(body.decode(errors="replace")).get("Action"):
        return found[0]
    return f"{method} {path.split('/')[1]}"


def create_key(_logical_id: str, properties: dict[str, Any], _stack: str) -> Any:
    """Called by MiniStack; returns the physical id and what Fn::GetAtt tells."""
    status, _, body = iam._create_access_key({"UserName": properties["UserName"]})
    found = re.findall(r"<(AccessKeyId|SecretAccessKey)>([^<]+)<", body.decode())
    if len(found) != 2:
        raise ValueError(f"CreateAccessKey answered {status}")
    key = dict(found)
    return key["AccessKeyId"], {"SecretAccessKey": key["SecretAccessKey"]}


def delete_key(physical_id: str, _properties: dict[str, Any]) -> None:
    """Called by MiniStack; a key that is gone is gone."""
    iam._delete_access_key({"AccessKeyId": physical_id})


if __name__ == "__main__":
    for each in (cloudformation, dynamodb, iam, scheduler, ssm, sts):
        each.handle_request = written_down(each.__name__.rpartition(".")[2], each.handle_request)
    # The launcher of the demo has put its own in front of MiniStack's.
    secrets: Any = written_down("secretsmanager", launcher.secrets_request)
    launcher.secrets_request = secrets
    provisioners._RESOURCE_HANDLERS["AWS::IAM::AccessKey"] = {
        "create": create_key,
        "delete": delete_key,
    }
    provisioners._REPLACING_PROPERTIES["AWS::IAM::AccessKey"] = ("Serial", "UserName")
    launcher.main()
