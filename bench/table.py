"""The one table: what was measured, and the most that it should be."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line; `within` is unknown where nothing was promised."""

    what: str
    measured: str
    at_most: str = ""
    within: bool | None = None


def row(what: str, measured: float, at_most: float | None = None, form: str = "{:,.0f}") -> Row:
    """A line with one number in it."""
    if at_most is None:
        return Row(what, form.format(measured))
    return Row(what, form.format(measured), form.format(at_most), measured <= at_most)


def markdown(
    heading: tuple[str, ...], lines: Sequence[tuple[str, ...]], last_is_text: bool = False
) -> str:
    """A table of a page; columns but the first are numbers, the last one only if it is no text."""
    rule = ["---"] + ["---:"] * (len(heading) - 1)
    if last_is_text:
        rule[-1] = "---"
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heading, tuple(rule), *lines])


def table(rows: list[Row]) -> str:
    """The one table as the page has it."""
    marks = {True: "yes", False: "**no**", None: ""}
    return markdown(
        ("", "measured", "at most", "within"),
        [(one.what, one.measured, one.at_most, marks[one.within]) for one in rows],
    )


def lines(rows: list[Row]) -> str:
    """The one table as the terminal has it."""
    width = max(len(one.what) for one in rows)
    marks = {True: "", False: "  too much", None: ""}
    return "\n".join(
        f"{one.what:<{width}}  {one.measured:>16}  {one.at_most:>10}{marks[one.within]}"
        for one in rows
    )
