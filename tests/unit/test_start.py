"""How a fresh process of each function starts: what it does first, and what it leaves undone."""

import json
import subprocess
import sys
from typing import Any

import pytest

from support.templates import PROJECT

SERVICES = ("cloudformation", "dynamodb", "iam", "scheduler", "secretsmanager")
# The first of it: a module has its place when its import is done, and Powertools imports botocore.
_SDK = "botocore.vendored"
# Imports a function, builds every client, and tells when Python looked for garbage.
_START = """
import gc, importlib, json, sys
function, *services = sys.argv[1:]
collections = []
gc.callbacks.append(lambda phase, _: phase == "stop" and collections.append("boto3" in sys.modules))
importlib.import_module(function)
from handler.aws.clients import session
for service in services:
    session().client(service, region_name="us-east-1")
at_start = sum(collections)
before = len(collections) - at_start
kept = [[] for _ in range(gc.get_threshold()[0])]
print(json.dumps({
    "before": before,
    "at_start": at_start,
    "later": sum(collections) - at_start,
    "modules": list(sys.modules),
}))
"""


@pytest.fixture(scope="module", params=["handler.app", "handler.rotation_function"])
def started(request: pytest.FixtureRequest) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _START, request.param, *SERVICES],
        env={"PYTHONPATH": str(PROJECT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_nothing_is_collected_until_all_clients_are_built(started: dict[str, Any]) -> None:
    """Python does not look for garbage among the objects of the SDK, which stay."""
    assert started["at_start"] == 0


def test_garbage_is_collected_later(started: dict[str, Any]) -> None:
    """A function that serves many events does not fill its memory."""
    assert started["later"] == 1


@pytest.mark.parametrize("module", ["aws_lambda_powertools", "urllib3"])
def test_what_leaves_garbage_is_imported_before_the_sdk(
    started: dict[str, Any], module: str
) -> None:
    """It is collected, and its memory is there for the SDK, so the peak is lower."""
    modules = started["modules"]

    assert modules.index(module) < modules.index(_SDK)
    assert started["before"] > 0


def test_nothing_is_imported_for_refusals(started: dict[str, Any]) -> None:
    """What finds the name that was meant is imported when a name is refused."""
    assert "difflib" not in started["modules"]


@pytest.mark.parametrize("started", ["handler.app"], indirect=True)
def test_certificates_are_read_while_the_sdk_is_imported(started: dict[str, Any]) -> None:
    """The start does not wait for them."""
    modules = started["modules"]

    assert modules.index("handler.cloudformation.certificates") < modules.index(_SDK)


@pytest.mark.parametrize("started", ["handler.rotation_function"], indirect=True)
def test_a_rotation_reads_no_certificates_for_answers(started: dict[str, Any]) -> None:
    """It answers nobody."""
    assert "handler.cloudformation.certificates" not in started["modules"]
