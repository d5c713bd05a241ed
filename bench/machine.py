"""The machine that the figures are of."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def described(load_before: float) -> str:
    """A sentence; `load_before` is how busy it was before the first measurement."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor() or "an unknown processor",
    )
    busy = "quiet" if load_before < 1 else "**not quiet: take the figures again**"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors ({model}, "
        f"{platform.machine()}), {platform.system()}, Python {platform.python_version()}. "
        f"Load before the first measurement: {load_before:.1f}, so the machine was {busy}."
    )
