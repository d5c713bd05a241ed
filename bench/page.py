"""docs/performance.md: its prose is written by hand, and every number by the command.

A part stands between `<!-- name -->` and `<!-- end -->`.
"""

from pathlib import Path

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "performance.md"
# Every part that the command makes.
PARTS = (
    "machine",
    "table",
    "calls",
    "package",
    "start",
    "memory",
    "memory-words",
    "choice",
    "side-by-side",
    "side-by-side-words",
    "policies",
    "regions",
    "stacks",
    "room",
    "rates",
    "stack-set",
    "numbers",
)
PICTURES = PROJECT / "docs" / "performance"


def with_parts(text: str, parts: dict[str, str]) -> str:
    """The page with every part made again; raises ValueError where a mark is missing."""
    for name, part in parts.items():
        start, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, rest = text.split(start)
        text = f"{before}{start}{part}\n{end}{rest.split(end, 1)[1]}"
    return text


def write(parts: dict[str, str], pictures: dict[str, str]) -> None:
    """Write the page and its pictures; all parts must be there."""
    if tuple(parts) != PARTS:
        raise ValueError(f"These are not the parts of the page: {', '.join(parts)}")
    PAGE.write_text(with_parts(PAGE.read_text(), parts))
    PICTURES.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        (PICTURES / f"{name}.svg").write_text(picture)
