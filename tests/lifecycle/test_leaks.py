"""No secret access key, and no response URL, comes out, whatever is set to make the code talk."""

import json
import os
import subprocess
import sys

import pytest

from doubles import strict_dynamodb
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import Stack
from support.templates import PROJECT

# What operators set when they look for a fault; Lambda sets the last two for its log levels.
TALKATIVE = {
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    "POWERTOOLS_DEV": "true",
    "POWERTOOLS_DEBUG": "true",
    "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
    "AWS_LAMBDA_LOG_FORMAT": "JSON",
}


def output_of_a_life(variables: dict[str, str]) -> tuple[list[str], str]:
    """Serve every request in a process of its own; returns the secret keys and what was printed."""
    inherited = {name: value for name, value in os.environ.items() if "POWERTOOLS" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "support.talkative_life"],
        env={**inherited, **variables, "PYTHONPATH": f"{PROJECT}/src:{PROJECT}/tests"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    printed, _, last = done.stdout.rstrip().rpartition("\n")
    return json.loads(last), printed + done.stderr


@pytest.mark.parametrize("variables", [{}, TALKATIVE], ids=["as deployed", "debugging"])
def test_nothing_that_is_printed_is_secret(variables: dict[str, str]) -> None:
    """With the root logger on DEBUG and all variables set: no key, no event, no response URL."""
    secret_access_keys, printed = output_of_a_life(variables)

    assert len(secret_access_keys) >= 3
    assert "StepTaken" in printed  # So output is heard at all.
    assert [one for one in secret_access_keys if one in printed] == []
    assert "cloudformation-custom-resource-response" not in printed


def test_memory_holds_ids_and_no_secret(stack: Stack, calls: Calls) -> None:
    """The item of a resource names both keys of a rotation, and neither secret half."""
    properties = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
    first = stack.create(**properties)["Data"]["AccessKeyId"]
    second = stack.update(**properties | {"Serial": "2"})["Data"]["AccessKeyId"]
    (item,) = strict_dynamodb.items().values()

    assert first in item["Record"]["S"]
    assert second in item["Record"]["S"]
    assert len(calls.secret_access_keys) == 2
    assert [one for one in calls.secret_access_keys if one in str(item)] == []


@pytest.mark.parametrize("function", ["app", "rotation_function"])
def test_libraries_that_log_answers_whole_stay_quiet(function: str) -> None:
    """Botocore on DEBUG prints what AWS answers, so it never is there, for either function."""
    program = f"""
import logging
logging.basicConfig(level=logging.DEBUG)
import handler.{function}
names = ("boto3", "botocore.parsers", "botocore.endpoint", "urllib3.connectionpool")
print([name for name in names if logging.getLogger(name).isEnabledFor(logging.DEBUG)])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **TALKATIVE, "PYTHONPATH": f"{PROJECT}/src"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "[]"
