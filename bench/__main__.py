"""`make bench`: measure everything in one run, print the one table, and write docs/performance.md.

`make bench OPTIONS="--runs 3 --layers"` is a trial in a few minutes: three runs instead of fifteen,
and no tests. `--prove` times the layers of `make prove` too, which must have run before. Whatever
the options, the page is written from this run alone.
"""

import argparse
import io
import logging
import os
import sys
import tempfile
import time
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from bench import (
    calls,
    choice,
    growth,
    layers,
    limits,
    machine,
    memory,
    package,
    page,
    side_by_side,
    start,
    table,
)
from bench.engine import engine
from bench.plot import svg
from support.operations import Operation, measured

_RUNS = 15
_RUNS_OF_A_SIZE = 5


@dataclass(frozen=True)
class Found:
    """All that was measured."""

    machine: str
    operations: list[Operation]
    package: package.Package
    starts: list[start.Start]
    memory: memory.Memory
    ways: list[side_by_side.Way]
    growth: growth.Growth
    item_bytes: int
    layers: list[layers.Layer]
    runs: int
    minutes: float

    @property
    def rows(self) -> list[table.Row]:
        """The one table."""
        return [
            *calls.rows(self.operations),
            *self.package.rows,
            *start.rows(self.starts),
            *self.memory.rows,
            *(layer.row for layer in self.layers),
        ]

    @property
    def parts(self) -> dict[str, str]:
        """What the page is made of."""
        create = _create(self.operations)
        given, _ = choice.of_template("ProviderFunction")
        chosen = next(one for one in self.memory.sizes if one.megabytes == given)
        waiting = memory.waiting(create.to_aws)
        runs = f"{self.runs} of each start, {_of_size(self.runs)} of each size and way"
        return {
            "machine": (
                f"{self.machine} Medians of so many runs: {runs}. "
                f"All of it took {self.minutes:.0f} minutes."
            ),
            "table": table.table(self.rows),
            "calls": calls.by_service(self.operations),
            "package": self.package.contents,
            "start": start.details(self.starts),
            "memory": self.memory.details(create.to_aws),
            "memory-words": self.memory.words,
            "choice": choice.words(self.memory.sizes, waiting, self.package.compiled),
            "side-by-side": side_by_side.details(self.ways),
            "side-by-side-words": side_by_side.words(self.ways),
            "policies": growth.lives(self.growth.policies, "policies"),
            "regions": growth.lives(self.growth.regions, "copies"),
            "stacks": growth.crowds(self.growth.crowds),
            "room": limits.room(self.operations),
            "rates": limits.rates(self.operations, self.item_bytes),
            "stack-set": limits.stack_set(
                create, self.package.total, chosen.gigabyte_seconds(waiting)
            ),
            "numbers": limits.numbers(),
        }

    @property
    def pictures(self) -> dict[str, str]:
        """What it shows."""
        create = _create(self.operations)
        return {
            "memory": svg(self.memory.panels(create.to_aws)),
            "growth": svg(self.growth.panels),
        }


def measure(runs: int, names: list[str], stacks: tuple[int, ...]) -> Found:
    """Measure what needs quiet first, and what needs all processors last."""
    load, began = os.getloadavg()[0], time.monotonic()
    operations = measured()
    called = start.services(_create(operations))
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        place, aws = Path(temporary, "place"), Path(temporary, "aws")
        place.mkdir()
        aws.mkdir()
        with engine(aws, _tell) as running:
            packed = package.measure(running.package, place / "package.zip")
            _tell("starting fresh processes")
            starts = start.measure(running.package, place, runs, called)
            memories = memory.measure(running, place, _of_size(runs), called, _tell)
            ways = side_by_side.measure(running, _of_size(runs), _tell)
    return Found(
        machine.described(load),
        operations,
        packed,
        starts,
        memories,
        ways,
        growth.measure(_tell, stacks),
        growth.item_bytes(),
        layers.measure(names, _tell),
        runs,
        (time.monotonic() - began) / 60,
    )


def main() -> None:
    """Read the command, and do as it says."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=_RUNS, help="of what is a median")
    parser.add_argument(
        "--layers",
        nargs="*",
        default=list(layers.OF_TEST),
        help="folders of tests/ to time; none for none",
    )
    parser.add_argument("--prove", action="store_true", help="time the layers of make prove too")
    parser.add_argument("--stacks", nargs="+", type=int, default=growth.STACKS)
    options = parser.parse_args()
    logging.disable()
    warnings.filterwarnings("ignore", module="moto")
    names = [*options.layers, *(layers.OF_PROVE if options.prove else ())]
    with redirect_stdout(io.StringIO()):  # The metrics of the functions.
        found = measure(options.runs, names, tuple(options.stacks))
    page.write(found.parts, found.pictures)
    print(found.parts["machine"])
    print(table.lines(found.rows))
    print(f"Written: {page.PAGE.relative_to(page.PROJECT)}")


def _create(operations: list[Operation]) -> Operation:
    return next(one for one in operations if one.name == "Create vanilla")


def _of_size(runs: int) -> int:
    """Fewer, for under a small quota each takes long."""
    return max(1, min(runs, _RUNS_OF_A_SIZE))


def _tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
