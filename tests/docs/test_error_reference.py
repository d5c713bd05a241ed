"""docs/errors.md and the code say the same."""

from pathlib import Path

import pytest

from docs.build import error_reference
from docs.build.error_reference import ADVICE, MEANINGS, PAGE, Reason, bases, meaning_of, reasons
from doubles.fake_cloudformation import Stack


def test_page_is_what_make_docs_writes() -> None:
    """No reason is missing from the page, and none is left over; `make docs` writes it."""
    assert PAGE.read_text() == error_reference.page()


def test_every_failure_has_a_meaning() -> None:
    """A failure that is new gets a meaning in docs/build/errors.yaml, itself or by its kind."""
    known = bases()

    assert [one for one in reasons() if meaning_of(one.failure, known) is None] == []


def test_no_meaning_is_left_over() -> None:
    """What the code does not say any more is explained no longer."""
    found, known = reasons(), bases()

    assert {meaning_of(one.failure, known) for one in found} == MEANINGS.keys()
    assert [part for part in ADVICE if not any(part in one.text for one in found)] == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ('raise StackRefusedError(f"It is {so}.")', Reason("StackRefusedError", "It is ….")),
        ('raise NewError("It is new.")', Reason("NewError", "It is new.")),
        (
            'def say(): return "Said."\nraise NewError(say())',
            Reason("NewError", "Said."),
        ),
        (
            'refuse(f"{name} is wrong." for name in names)',
            Reason("InvalidPropertiesError", "… is wrong."),
        ),
        (
            'def misfit(self):\n if self: return f"{a}{b} is gone"\n return ""',
            Reason("StackRefusedError", "… is gone"),
        ),
        (
            'class NewError(Exception):\n def __init__(self): super().__init__("It is new.")',
            Reason("NewError", "It is new."),
        ),
    ],
)
def test_reasons_are_found(tmp_path: Path, code: str, reason: Reason) -> None:
    """In the raise, in the function that makes the text, and in the failure itself."""
    (tmp_path / "module.py").write_text(code)

    assert reasons(tmp_path) == [reason]


def test_problems_are_found(tmp_path: Path) -> None:
    """What a rule of the properties yields becomes a sentence of the reason."""
    (tmp_path / "properties").mkdir()
    (tmp_path / "properties" / "rules.py").write_text('def rules(): yield f"{name} is wrong."')

    assert reasons(tmp_path) == [Reason("InvalidPropertiesError", "… is wrong.")]


def test_reason_of_a_stack_is_on_the_page(stack: Stack) -> None:
    """What CloudFormation is told can be looked up."""
    reason = stack.create(PolicyTemplate="vanilla", NoSuchProperty="x")["Reason"]

    assert "is not a property of Custom::RestrictedIAMUser" in reason
    assert "is not a property of Custom::RestrictedIAMUser" in PAGE.read_text()
