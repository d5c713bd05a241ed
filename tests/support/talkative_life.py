"""A life of one resource with every logger on DEBUG; prints the secret keys that there were.

Run as a program of its own, because the libraries read their variables when they are imported.
"""

import json
import logging
import sys

import pytest

# Lambda's JSON log format sets the level of the root logger, before the function is imported.
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)

from doubles import strict_moto, world
from doubles.account import fresh_aws
from doubles.aws_calls import Calls, Fault
from doubles.clock import Clock
from doubles.fake_cloudformation import LambdaContext, ResponseUrl, Stack
from doubles.secrets_manager import SecretsManager
from handler import app
from handler.cloudformation import response

PROPERTIES = {
    "UserName": "Provazio",
    "PolicyTemplate": "vanilla",
    "Serial": "1",
    "RotationSchedule": "rate(30 days)",
}


def live(calls: Calls, stack: Stack) -> str:
    """Create, rotate in both ways, fail in every way once, delete; returns what AWS then holds."""
    stack.create(**PROPERTIES)
    stack.update(**PROPERTIES | {"Serial": "2"})
    SecretsManager().rotate()
    for fault in (Fault.REFUSED, Fault.LOST):
        calls.arm(12, fault)
        stack.set_status("UPDATE_IN_PROGRESS")
        stack.properties = PROPERTIES | {"Serial": fault.name}
        stack.send("Update", old_properties=PROPERTIES)
        calls.disarm()
    app.lambda_handler({"RequestType": "Explode"}, LambdaContext())
    held = [world.user(), world.described_secret(), world.schedules()]
    held += [world.policy(name) for name in world.policy_names()]
    stack.delete()
    return str(held)


def main() -> None:
    """Live, and print the keys on the last line, and all that was stored or answered before it."""
    calls, responses = Calls(), ResponseUrl()
    with pytest.MonkeyPatch.context() as patches, fresh_aws(calls):
        strict_moto.install(patches)
        patches.setattr(response, "_HTTP", responses)
        Clock().install(patches)
        kept, sys.stdout = sys.stdout, sys.stderr
        try:
            held = live(calls, Stack(responses))
        finally:
            sys.stdout = kept
    print(held, responses.bodies)
    print(json.dumps(sorted(calls.secret_access_keys)))


if __name__ == "__main__":
    main()
