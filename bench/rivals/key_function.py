"""The algorithm of binxio/cfn-secret-provider (v3) for an access key, in words of our own.

Three parameters hold the key, and their names must be free. A changed Serial makes a new key under
a new physical id, so that CloudFormation's clean-up deletes the old one. It proves nothing, keeps
no key for a while, and remembers nothing. The file is the function's code; it is not imported.
"""

import json
import urllib.request
from typing import Any

import boto3

Event = dict[str, Any]
iam, ssm = boto3.client("iam"), boto3.client("ssm")


def handler(event: Event, _context: object) -> None:
    """Serve one event and answer it."""
    answer = {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": event.get("PhysicalResourceId", "could-not-create"),
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    try:
        serve = {"Create": create, "Update": update, "Delete": delete}[event["RequestType"]]
        answer["PhysicalResourceId"] = serve(event, event["ResourceProperties"])
    except Exception as error:  # noqa: BLE001 - CloudFormation must get an answer
        answer |= {"Status": "FAILED", "Reason": str(error)[:200]}
    body = json.dumps(answer).encode()
    urllib.request.urlopen(  # noqa: S310 - CloudFormation's own address
        urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")  # noqa: S310
    )


def create(_event: Event, properties: Event) -> str:
    """Refuse names that are taken; then make a key and write it down."""
    if any(read(name) for name in names(properties).values()):
        raise ValueError("a parameter exists already")
    return new_key(properties, overwrite=False)


def update(event: Event, properties: Event) -> str:
    """Make a new key where Serial has changed."""
    if properties["Serial"] != event["OldResourceProperties"]["Serial"]:
        return new_key(properties, overwrite=True)
    return str(event["PhysicalResourceId"])


def delete(event: Event, properties: Event) -> str:
    """Delete the key, and the parameters unless they hold a newer one."""
    physical_id = event["PhysicalResourceId"]
    found = {kind: read(name) for kind, name in names(properties).items()}
    iam.delete_access_key(UserName=properties["UserName"], AccessKeyId=physical_id)
    if found["id"] == physical_id:
        for name in names(properties).values():
            ssm.delete_parameter(Name=name)
    return str(physical_id)


def new_key(properties: Event, *, overwrite: bool) -> str:
    """Make a key, set its status, and write the three parameters."""
    user = properties["UserName"]
    key = iam.create_access_key(UserName=user)["AccessKey"]
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Active")
    values = {
        "id": key["AccessKeyId"],
        "secret": key["SecretAccessKey"],
        "smtp": "derived from the secret",
    }
    for kind, name in names(properties).items():
        ssm.put_parameter(Name=name, Value=values[kind], Type="SecureString", Overwrite=overwrite)
    return str(key["AccessKeyId"])


def names(properties: Event) -> dict[str, str]:
    """The names of the three parameters."""
    return {kind: f"{properties['ParameterPath']}/{kind}" for kind in ("id", "secret", "smtp")}


def read(name: str) -> Any:
    """The value of a parameter, or None."""
    try:
        return ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        return None
