"""`export`: the credentials in the form that somebody needs them.

`env` is the installer's configuration, `csv` the file that the console offers, `profile` an AWS
profile and `ecs` a piece of a task definition. The last two hold no secret key: they lead to it.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from operator_tool import FINE, ToolError
from operator_tool.caller import Caller
from operator_tool.providers import DEFAULT_PREFIX

_FORMATS = ("env", "csv", "profile", "ecs")
_SECRET_FORMATS = ("env", "csv")
_CSV_COLUMNS = (
    "User name", "Password", "Access key ID", "Secret access key", "Console login link",
)  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("format", choices=_FORMATS)
    parser.add_argument("--secret", default=f"{DEFAULT_PREFIX}Provazio", help="its name or ARN")
    parser.add_argument("--output", type=Path, help="a new file that only you can read")
    parser.add_argument(
        "--instance-profile", default="IguazioDataScienceNode", help="env: of the nodes"
    )
    parser.add_argument("--regions", default="", help="env: comma-separated; default: this one")
    parser.add_argument("--name", default="installer", help="profile: what it is called")


def run(caller: Caller, options: argparse.Namespace) -> int:
    """Print or write what was asked for; returns the exit code."""
    secret = caller.client("secretsmanager").describe_secret(SecretId=options.secret)
    if options.format in _SECRET_FORMATS:
        key = _key(caller, secret["ARN"])
        text = _env(caller, options, key) if options.format == "env" else _csv(caller, key)
    else:
        text = _profile(caller, options, secret) if options.format == "profile" else _ecs(secret)
    _write(text, options.output)
    return FINE


def _key(caller: Caller, arn: str) -> dict[str, str]:
    value = caller.client("secretsmanager").get_secret_value(SecretId=arn)
    try:
        key = json.loads(value["SecretString"])
        return {name: key[name] for name in ("UserName", "AccessKeyId", "SecretAccessKey")}
    except (KeyError, TypeError, ValueError):
        raise ToolError(f"Secret {arn} does not hold the credentials of a user.") from None


def _env(caller: Caller, options: argparse.Namespace, key: dict[str, str]) -> str:
    """The installer's configuration; JSON is YAML."""
    profile = options.instance_profile
    regions = [name for name in options.regions.split(",") if name] or [caller.region]
    fields: dict[str, Any] = {
        "client": {
            "infrastructure": {
                "ec2": {
                    "access_key_id": key["AccessKeyId"],
                    "secret_access_key": key["SecretAccessKey"],
                    "data_cluster_instance_profile": profile,
                    "app_cluster_instance_profile": profile,
                }
            }
        },
        "dashboard": {"frontend": {"cloud_provider_regions": {"aws": regions}}},
    }
    return json.dumps(fields, indent=2) + "\n"


def _csv(caller: Caller, key: dict[str, str]) -> str:
    domains = {
        "aws-cn": "signin.amazonaws.cn",
        "aws-us-gov": "signin.amazonaws-us-gov.com",
    }
    host = domains.get(caller.partition, "signin.aws.amazon.com")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    link = f"https://{caller.account_id}.{host}/console"
    writer.writerow([key["UserName"], "", key["AccessKeyId"], key["SecretAccessKey"], link])
    return text.getvalue()


def _profile(caller: Caller, options: argparse.Namespace, secret: Any) -> str:
    """A profile that names the one it reads with: exporting AWS_PROFILE would call itself."""
    reader = options.profile or "default"
    return (
        f"[profile {options.name}]\n"
        f"region = {caller.region}\n"
        f"credential_process = aws secretsmanager get-secret-value --profile {reader} "
        f"--region {caller.region} --secret-id {secret['ARN']} "
        "--query SecretString --output text\n"
    )


def _ecs(secret: Any) -> str:
    """For a CloudFormation task definition, whose execution role may read the secret."""
    variables = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey"}
    lines = [
        f'  - {{Name: {variable}, ValueFrom: "{secret["ARN"]}:{member}::"}}'
        for variable, member in variables.items()
    ]
    return "\n".join(["Secrets:", *lines]) + "\n"


def _write(text: str, output: Path | None) -> None:
    if output is None:
        print(text, end="")
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ToolError(f"{output} could not be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
