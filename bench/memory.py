"""A whole Create in a fresh process: under CPU quotas, and how much memory it takes.

The engine is the local AWS, which has the other processor to itself, so its time is the same under
every quota, as AWS's is.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.engine import Engine
from bench.plot import Panel, Series
from bench.quota import Throttle, share, throttle
from bench.start import FRESH, environment, fresh, without_package
from bench.table import Row, markdown, row

SIZES = (128, 192, 256, 384, 512, 768, 1024, 1769)
AT_MOST = 1.10
# Of a Create on AWS, beside our own work: what each call waits for the network and the service, and
# how long STS does not know a new key (5 to 15 s).
SECONDS_OF_A_CALL = 0.05
SECONDS_OF_A_NEW_KEY = 10.0
_LONGEST_SECONDS = 280
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """One size of memory: seconds of a Create in a new and in a used execution environment."""

    megabytes: int
    cold: float
    warm: float

    def gigabyte_seconds(self, waiting: float) -> float:
        """What a cold Create is charged for, when its calls wait so long besides."""
        return (self.cold + waiting) * self.megabytes / 1024


@dataclass(frozen=True)
class Memory:
    """What the sizes take, and the peak of a Create against that of the bare process."""

    way: str
    sizes: list[Size]
    peak: float
    bare: float
    idle: float
    cpu: float

    @property
    def rows(self) -> list[Row]:
        """Lines of the one table."""
        return [
            row("Peak memory of a Create against the bare process", self.ratio, AT_MOST, "{:.2f}"),
            *(
                Row(
                    f"Cold Create with {size.megabytes:,} MB, seconds of our own work",
                    f"{size.cold:.1f}",
                )
                for size in self.sizes
            ),
        ]

    @property
    def ratio(self) -> float:
        """The peak against that of clients which made one call each."""
        return self.peak / self.bare

    @property
    def words(self) -> str:
        """How it was measured, and the peaks."""
        return (
            f"The shares of a processor were set by {self.way}. A cold and a warm Create used "
            f"{self.cpu:.2f} s of a processor. Their peak was {self.peak:.0f} MB; that of the bare "
            f"process, with a call to each service, {self.bare:.0f} MB, and with none "
            f"{self.idle:.0f} MB."
        )

    def details(self, calls: int) -> str:
        """Seconds and GB-seconds of each size; a Create makes so many calls."""
        more = waiting(calls)
        return markdown(
            ("MB", "processor", "cold, s", "warm, s", "GB-s", f"GB-s with {more:.1f} s of waiting"),
            [
                (
                    f"{size.megabytes:,}",
                    f"{share(size.megabytes):.2f}",
                    f"{size.cold:.2f}",
                    f"{size.warm:.2f}",
                    f"{size.gigabyte_seconds(0):.2f}",
                    f"{size.gigabyte_seconds(more):.2f}",
                )
                for size in self.sizes
            ],
        )

    def panels(self, calls: int) -> list[Panel]:
        """The picture of them."""
        more = waiting(calls)

        def series(name: str, of: Callable[[Size], float]) -> Series:
            return Series(name, [(size.megabytes, of(size)) for size in self.sizes])

        return [
            Panel(
                "Time of a Create",
                "MemorySize, MB, logarithmic",
                "seconds",
                [series("cold", lambda one: one.cold), series("warm", lambda one: one.warm)],
            ),
            Panel(
                "Charge of a cold Create",
                "MemorySize, MB, logarithmic",
                "GB-seconds",
                [
                    series("own work", lambda one: one.gigabyte_seconds(0)),
                    series("with waiting", lambda one: one.gigabyte_seconds(more)),
                ],
            ),
        ]


def waiting(calls: int) -> float:
    """Seconds of a Create on AWS in which it only waits."""
    return calls * SECONDS_OF_A_CALL + SECONDS_OF_A_NEW_KEY


class _Creates:
    """Serves Creates of held stacks, each in two events of one process: a cold and a warm one."""

    def __init__(self, engine: Engine, place: Path, using: Throttle) -> None:
        self._engine, self._place, self._using, self._number = engine, place, using, 0
        # The answer goes to the engine too, by a client that knows nothing of AWS_CA_BUNDLE.
        trusted = {"SSL_CERT_FILE": str(engine.aws.certificate)}
        self.environment = environment(
            engine.package, **engine.aws.exports, **engine.environment, **trusted
        )

    def run(self, megabytes: int) -> tuple[Size, dict[str, Any]]:
        """One process that serves two events."""
        numbers = [self._number, self._number + 1]
        self._number += 2
        events = [self._event(number) for number in numbers]
        result = self._place / "result.json"
        command = [
            sys.executable,
            str(FRESH / "serve.py"),
            str(result),
            self._engine.service_token,
            *map(str, events),
        ]
        began = time.monotonic()
        process = self._using.start(command, self.environment, share(megabytes))
        if process.wait(_LONGEST_SECONDS):
            raise RuntimeError("The function failed in a fresh process.")
        told = json.loads(result.read_text())
        for number in numbers:
            self._engine.wait(f"held-{number}")
        cold, warm = told["events"]
        seconds = warm["answered"] - warm["began"]
        return Size(megabytes, cold["answered"] - began, seconds), told

    def _event(self, number: int) -> Path:
        event = self._engine.held_event(
            number, {"UserName": f"Held{number}", "PolicyTemplate": "vanilla", "Serial": "1"}
        )
        path = self._place / f"event-{number}.json"
        path.write_text(json.dumps(event))
        return path


def measure(engine: Engine, place: Path, runs: int, called: list[str], tell: Tell) -> Memory:
    """Medians of so many runs of each size; the first of all only warms the disk."""
    with throttle() as using:
        creates = _Creates(engine, place, using)
        creates.run(SIZES[-1])
        whole = [creates.run(SIZES[-1])[1] for _ in range(runs)]
        sizes = []
        for megabytes in SIZES:
            found = [creates.run(megabytes)[0] for _ in range(runs)]
            sizes.append(
                replace(
                    found[0],
                    cold=statistics.median(one.cold for one in found),
                    warm=statistics.median(one.warm for one in found),
                )
            )
            tell(f"a Create with the processor of {megabytes} MB took {sizes[-1].cold:.1f} s")
        bare = [_peak_of_bare(["call", *called], creates, place) for _ in range(runs)]
        idle = [_peak_of_bare(["build", *called], creates, place) for _ in range(runs)]
    return Memory(
        using.name,
        sizes,
        statistics.median(one["peak_kib"] for one in whole) / 1024,
        statistics.median(bare),
        statistics.median(idle),
        statistics.median(one["cpu"] for one in whole),
    )


def _peak_of_bare(arguments: list[str], creates: _Creates, place: Path) -> float:
    told = fresh("bare.py", arguments, without_package(creates.environment), place)
    return float(told["peak_kib"]) / 1024
