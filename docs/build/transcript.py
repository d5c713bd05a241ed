"""`make transcript`: ten lines of the demo, run now, into README.md."""

import subprocess
import sys
from collections.abc import Iterable, Iterator

from support.templates import PROJECT

PAGE = PROJECT / "README.md"
BEGIN = "<!-- transcript: `make transcript` -->\n"
END = "<!-- end of transcript -->"
_CONTINUED = " " * 5
# How the lines begin that a stranger reads, in the order in which the demo prints them.
SHOWN = (
    "$ sam build && sam deploy",
    "   ✓ the user may look at the instances",
    "$ sam deploy --parameter-overrides Serial=2",
    "   ✓ the secret holds a new key",
    "   ✓ the replaced key",
    "$ sam deploy --template examples/embed.yaml",
    "   ✓ a second stack has its own user",
    "$ aws cloudformation delete-stack",
    "   ✓ no user is left",
    "Everything worked",
)


def chosen(lines: Iterable[str]) -> list[str]:
    """The first line with each beginning, after the one before; ValueError where one is missing."""
    told = iter(_whole(lines))
    return [_next(told, beginning) for beginning in SHOWN]


def page(text: str, lines: Iterable[str]) -> str:
    """The README with these lines between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError("README.md has lost the marks of the transcript.")
    told = "\n".join(lines)
    return f"{before}{BEGIN}```text\n{told}\n```\n{END}{after}"


def _whole(lines: Iterable[str]) -> list[str]:
    """The lines as they were before the terminal broke the long ones."""
    return "\n".join(lines).replace(f"\n{_CONTINUED}", " ").split("\n")


def _next(told: Iterator[str], beginning: str) -> str:
    for line in told:
        if line.startswith(beginning):
            return line
    raise ValueError(f"The demo has no line that begins with {beginning!r} in this place.")


def _demo() -> Iterator[str]:
    """The lines of the demo, shown while it runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "demo"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        for line in running.stdout:
            print(line, end="", flush=True)
            yield line.rstrip("\n")
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, "demo")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(), chosen(list(_demo()))))
