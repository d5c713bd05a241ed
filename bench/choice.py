"""`MemorySize` and the architecture, chosen from what was measured and from Lambda's prices."""

from typing import Any

from bench.limits import PRICES
from bench.memory import Size
from support import templates

# More memory also makes every second of waiting dearer, so it must save at least this part of a
# whole Create for each doubling.
WORTH_A_DOUBLING = 0.1
FUNCTIONS = ("ProviderFunction", "RotationFunction")


def of_template(function: str) -> tuple[int, str]:
    """MemorySize and architecture that the template gives a function."""
    resource: dict[str, Any] = templates.load("template.yaml")["Resources"][function]
    properties = resource["Properties"]
    (architecture,) = properties["Architectures"]
    return int(properties["MemorySize"]), str(architecture)


def memory_size(sizes: list[Size], waiting: float) -> int:
    """The smallest size of which a double is not worth it, or else the last double."""
    found = _doublings(sizes, waiting)
    return next((less for less, _, saved in found if saved < WORTH_A_DOUBLING), found[-1][1])


def architecture(compiled_files: int) -> str:
    """The cheaper one, if the package runs on it."""
    return "x86_64" if compiled_files else min(PRICES, key=lambda name: PRICES[name].value)


def words(sizes: list[Size], waiting: float, compiled_files: int) -> str:
    """Both choices with their reasons, and whether the template agrees."""
    suggested, chosen = memory_size(sizes, waiting), architecture(compiled_files)
    memory, written = of_template(FUNCTIONS[0])
    dollars = {
        one.megabytes: one.gigabyte_seconds(waiting) * PRICES[written].value for one in sizes
    }
    savings = ", ".join(
        f"{saved:.0%} from {less:,} to {more:,} MB"
        for less, more, saved in _doublings(sizes, waiting)
    )
    create = next(one for one in sizes if one.megabytes == memory)
    dearer = PRICES["x86_64"].value / PRICES["arm64"].value
    return (
        f"**MemorySize: this run suggests {suggested:,} MB; the template gives {memory:,} MB"
        f"{_unless(suggested == memory)}.** A doubling of memory saves of a cold Create, with its "
        f"{waiting:.1f} s of waiting: {savings}. We take the smallest size of which a double saves "
        f"less than {WORTH_A_DOUBLING:.0%}. A cold Create costs "
        f"${dollars[memory]:.5f} with {memory:,} MB, and ${max(dollars.values()):.5f} with the "
        f"dearest of these sizes.\n\n"
        f"**Architecture: we choose `{chosen}`; the template gives `{written}`"
        f"{_unless(chosen == written)}.** A GB-second costs ${PRICES['arm64'].text} on `arm64` and "
        f"${PRICES['x86_64'].text} on `x86_64`, which would have to be {dearer:.2f} times as fast "
        f"to cost the same. It cannot be so for the {waiting / (waiting + create.cold):.0%} of a "
        f"cold Create that is waiting. The package holds {compiled_files} compiled files"
        f"{', so it runs on both' if not compiled_files else ''}."
    )


def _doublings(sizes: list[Size], waiting: float) -> list[tuple[int, int, float]]:
    """From the smallest size on, each with its double, and the part of the time that it saves."""
    whole = {one.megabytes: one.cold + waiting for one in sizes}
    found, less = [], sizes[0].megabytes
    while 2 * less in whole:
        found.append((less, 2 * less, 1 - whole[2 * less] / whole[less]))
        less *= 2
    return found


def _unless(agrees: bool) -> str:
    return "" if agrees else ", so they differ"
