"""How much of the exhaustive tests runs: a sample in `make test`, all of it in `make prove`."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

Case = TypeVar("Case")
_FIRST = 4  # Every operation makes at least as many calls, so that no sample is empty.
_ONE_IN = 15


@dataclass(frozen=True)
class Sample:
    """Chooses cases by the name of the test, so that every run of it takes the same ones."""

    exhaustive: bool
    test: str

    def cut_points(self, most: int) -> Iterator[int]:
        """The calls at which something goes wrong: all of the first `most`, or a few of them."""
        if self.exhaustive:
            yield from range(most)
            return
        draw = random.Random(self.test)  # noqa: S311 - no secret
        at = draw.randrange(_FIRST)
        while at < most - 1:
            yield at
            at += draw.randrange(1, 2 * _ONE_IN)
        yield most - 1

    def cases(self, every: Sequence[Case]) -> Sequence[Case]:
        """All of many cases, or a few of them."""
        if self.exhaustive:
            return every
        return random.Random(self.test).sample(every, self.number(len(every)))  # noqa: S311

    def number(self, number: int) -> int:
        """How many of so many cases run."""
        return number if self.exhaustive else -(-number // _ONE_IN)

    def __str__(self) -> str:
        if self.exhaustive:
            return "all cut points and all sequences"
        return (
            f"a sample, one in {_ONE_IN} of the cut points, orders and sequences; "
            "`make prove` takes all of them"
        )
