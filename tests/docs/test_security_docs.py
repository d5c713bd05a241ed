"""docs/security.md says what the roles allow and what was tried."""

from docs.build.security_reference import PAGE, PURPOSES, page
from support.escalations import ATTEMPTS
from support.roles import ROLES, statements


def test_page_is_generated_from_template_and_attempts() -> None:
    """`make docs` would change nothing."""
    assert page(PAGE.read_text()) == PAGE.read_text()


def test_every_statement_has_a_purpose() -> None:
    """No permission without a reason, and no reason without a permission."""
    assert {one.sid for role in ROLES for one in statements(role)} == PURPOSES.keys()


def test_refusals_are_listed_once() -> None:
    """A reader finds every attempt once, and with all roles that it was tried with."""
    names = {name for attempts in ATTEMPTS.values() for name in attempts}
    listed = PAGE.read_text().split("<!-- refusals -->")[1].split("<!-- /refusals -->")[0]
    lines = [line.partition(": ")[2].rstrip(".").split("; ") for line in listed.split("\n- ")[1:]]

    assert sorted(name.rstrip(".\n") for line in lines for name in line) == sorted(names)


def test_enough_was_tried() -> None:
    """Each role faces at least 25 attempts."""
    assert all(len(attempts) >= 25 for attempts in ATTEMPTS.values())
