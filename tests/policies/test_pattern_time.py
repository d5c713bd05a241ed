"""No pattern that a stranger's text meets takes longer than in proportion to the text's length."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from re import _constants as sre
from re import _parser
from time import thread_time
from timeit import repeat
from typing import Any

import pytest

from handler.policies.placeholders import PLACEHOLDER
from handler.properties.schema import SCHEMA
from support.permissions import MANIFEST
from support.templates import PROJECT, load

LONGEST = 200_000
# Ten times the text takes ten times as long, or a hundred times if every pair of places is tried.
FACTOR, MOST = 10, 40


def _of_schema(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        for value in node.values():
            yield from _of_schema(value)
    if isinstance(node, list):
        for value in node:
            yield from _of_schema(value)


def _of_module(path: Path) -> Iterator[str]:
    """Patterns given to `re` in a module; `x` stands for what an f-string inserts."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re")), args=[first, *_]):
                match first:
                    case ast.Constant(value=str(pattern)):
                        yield pattern
                    case ast.JoinedStr(values=parts):
                        yield "".join(
                            str(part.value) if isinstance(part, ast.Constant) else "x"
                            for part in parts
                        )


def _of_templates() -> Iterator[str]:
    for path in [
        PROJECT / "template.yaml",
        *PROJECT.glob("examples/*.yaml"),
        *PROJECT.glob("publish/*.yaml"),
    ]:
        for parameter in load(str(path.relative_to(PROJECT))).get("Parameters", {}).values():
            yield from [parameter["AllowedPattern"]] if "AllowedPattern" in parameter else []


PATTERNS = sorted(
    {
        *_of_schema(SCHEMA),
        *(fields["Pattern"] for fields in MANIFEST["Variables"].values()),
        *_of_templates(),
        *(found for path in (PROJECT / "src").rglob("*.py") for found in _of_module(path)),
    }
)


def samples(parsed: Any) -> list[str]:
    """Texts as the parsed pattern wants them, one for each of its alternatives at least."""
    texts = [""]
    for operator, value in parsed:
        match operator:
            case sre.LITERAL:
                found = [chr(value)]
            case sre.IN:
                found = [_member(*value[0])]
            case sre.ANY | sre.NOT_LITERAL:
                found = ["x"]
            case sre.MAX_REPEAT:
                least, most, body = value
                found = [one * max(least, min(most, 2)) for one in samples(body)]
            case sre.SUBPATTERN:
                found = samples(value[3])
            case sre.BRANCH:
                found = [one for branch in value[1] for one in samples(branch)]
            case _:
                found = [""]
        texts = [text + one for text in texts for one in found][:8]
    return texts


def _member(kind: Any, value: Any) -> str:
    match kind:
        case sre.LITERAL:
            return chr(value)
        case sre.RANGE:
            return chr(value[0])
        case _:  # A category, or everything but what follows.
            return "x"


def attacks(pattern: str) -> Iterator[Callable[[int], str]]:
    """Texts of any length: a sample with a piece of it repeated, and an end that does not match.

    That is what keeps a backtracking matcher at work: it can go on for long, and nothing fits.
    """
    for sample in samples(_parser.parse(pattern)):
        for start in range(len(sample)):
            for width in range(1, 10):
                before, piece = sample[:start], sample[start : start + width]
                for after in ("", sample[start:]):
                    yield lambda length, b=before, p=piece, a=after: (  # type: ignore[misc]
                        b + p * (length // len(p)) + a + "\n!"
                    )


def seconds(work: Callable[[str], object], text: str, number: int = 1) -> float:
    """The least time of the processor that the work took; other work of the machine is left out."""
    return min(repeat(lambda: work(text), timer=thread_time, number=number, repeat=5)) / number


def assert_linear(work: Callable[[str], object], text: Callable[[int], str]) -> None:
    """Ten times the text takes about ten times as long, up to 200 kB."""
    for length in (LONGEST // 1000, LONGEST // 100, LONGEST // 10):
        once = seconds(work, text(length), number=LONGEST // (5 * length))
        more = seconds(work, text(length * FACTOR))
        assert more < MOST * max(once, 1e-6), text(12)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_take_time_in_proportion(pattern: str) -> None:
    """The text that a pattern takes longest for takes ten times as long if ten times as long."""
    match = re.compile(pattern).fullmatch

    slowest = max(
        attacks(pattern),
        key=lambda attack: seconds(match, attack(LONGEST // 400)),
        default=lambda length: "x" * length,
    )

    assert_linear(match, slowest)


@pytest.mark.parametrize("piece", ["$", "$A", "A", "$A$", "${A}"])
def test_placeholders_are_found_in_proportion(piece: str) -> None:
    """Placeholders are looked for anywhere in a text, and that too takes time in proportion."""
    assert_linear(PLACEHOLDER.findall, lambda length: piece * (length // len(piece)))


def test_a_pattern_that_is_not_linear_is_noticed() -> None:
    """The former patterns of ALLOWED_CIDR and of ARNs fail the test above."""
    for pattern in ("[0-9a-f:]*:[0-9a-f:]*/[0-9]", "arn:.+:policy/.+", "[a-z]*[a-m]*,"):
        with pytest.raises(AssertionError):
            test_patterns_take_time_in_proportion(pattern)
