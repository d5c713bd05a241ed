"""Who holds the lease hears who waits for it, while it waits for AWS itself."""

import pytest
from moto.sts.responses import TokenResponse

from doubles.fake_cloudformation import Stack
from doubles.interleave import Interleaving, Turn
from doubles.secrets_manager import SecretsManager
from lifecycle.test_consistency import Moto, moto
from lifecycle.test_memory import FIRST, event, made, runs

__all__ = ["moto", "runs"]  # Fixtures.

ROTATED = FIRST | {"RotationSchedule": "rate(30 days)"}


@pytest.fixture
def rotation(stack: Stack, runs: Interleaving) -> SecretsManager:
    """A rotation of the secret that has just begun."""
    made(stack, ROTATED)
    stack.set_status("CREATE_COMPLETE")
    begun = SecretsManager()
    begun.begin()
    return begun


def test_rotation_gives_way_to_an_update(
    stack: Stack, runs: Interleaving, rotation: SecretsManager, moto: Moto
) -> None:
    """A rotation that waits for STS ends when an Update waits for it, which then succeeds."""
    rotation.take("createSecret", "setSecret")
    moto.refuse(TokenResponse, "get_caller_identity", "InvalidClientTokenId", times=3)
    one = runs.invoke("R", rotation.event("testSecret"), rotation=True)
    two = runs.invoke("U", event(stack, "Update", ROTATED | {"Revision": "2"}, ROTATED))
    stack.set_status("UPDATE_IN_PROGRESS")
    runs.play(Turn(one), Turn(two))

    assert "the rotation has to wait" in str(one.error)
    assert two.answer["Status"] == "SUCCESS", two.answer["Reason"]


def test_update_goes_on_though_a_rotation_waits(
    stack: Stack, runs: Interleaving, rotation: SecretsManager, moto: Moto
) -> None:
    """An Update that waits for STS asks its stack who wants it, and a rotation is no reason."""
    moto.refuse(TokenResponse, "get_caller_identity", "InvalidClientTokenId", times=3)
    one = runs.invoke("U", event(stack, "Update", ROTATED | {"Serial": "2"}, ROTATED))
    two = runs.invoke("R", rotation.event("createSecret"), rotation=True)
    stack.set_status("UPDATE_IN_PROGRESS")
    runs.play(Turn(one), Turn(two))

    assert one.answer["Status"] == "SUCCESS", one.answer["Reason"]
    assert "is not being rotated to" in str(two.error)
