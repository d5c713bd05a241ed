"""What the commands say: lines that stay and, on a terminal, what is happening at this moment."""

import shutil
import textwrap
import time
from dataclasses import dataclass, field
from typing import TextIO

_INDENT = "   "
_WIDEST = 100
_ERASE_LINE = "\r\x1b[2K"


@dataclass
class Terminal:
    """Where a command tells its story; a pipe gets each step once, as a line of its own."""

    stream: TextIO
    _step: str = ""
    _since: float = field(default_factory=time.monotonic)

    def heading(self, line: str) -> None:
        """A line at the margin, after an empty one."""
        self._write(f"\n{line}")

    def say(self, line: str) -> None:
        """A line that stays, broken where the terminal is too narrow for it."""
        hanging = _INDENT + "  "
        width = min(_WIDEST, _columns())
        self._write(
            textwrap.fill(
                line, width, initial_indent=_INDENT, subsequent_indent=hanging,
                break_long_words=False, break_on_hyphens=False,
            )
        )  # fmt: skip

    def doing(self, step: str, detail: str = "") -> None:
        """What is happening: a step, and how far it is. Without a step, nothing is."""
        if step != self._step:
            self._step, self._since = step, time.monotonic()
            if step and not self.stream.isatty():
                self._write(f"{_INDENT}{step} …")
        if self.stream.isatty():
            seconds = f"{time.monotonic() - self._since:.0f} s"
            line = f"{_INDENT}{step} … {seconds}  {detail}"[: _columns() - 1] if step else ""
            self.stream.write(f"{_ERASE_LINE}{line}")
            self.stream.flush()

    def _write(self, text: str) -> None:
        erased = _ERASE_LINE if self.stream.isatty() else ""
        self.stream.write(f"{erased}{text}\n")
        self.stream.flush()


def _columns() -> int:
    return shutil.get_terminal_size((_WIDEST, 24)).columns
