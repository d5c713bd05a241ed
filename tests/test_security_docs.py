"""docs/security.md says what the roles allow and what was tried."""

from escalations import ATTEMPTS
from roles import ROLES, statements
from security_reference import PAGE, PURPOSES, page


def test_page_is_generated_from_template_and_attempts() -> None:
    """`python -m security_reference` would change nothing."""
    assert page(PAGE.read_text()) == PAGE.read_text()


def test_every_statement_has_a_purpose() -> None:
    """No permission without a reason, and no reason without a permission."""
    assert {one.sid for role in ROLES for one in statements(role)} == PURPOSES.keys()


def test_enough_was_tried() -> None:
    """Each role faces at least 25 attempts."""
    assert all(len(attempts) >= 25 for attempts in ATTEMPTS.values())
