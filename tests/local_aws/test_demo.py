"""`make demo` and `make playground` work for whoever starts them, and leave nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from demo.local_aws import LocalAws
from demo.sam import PROJECT
from demo.terminal import Terminal
from support.exported import hostile, written

LONGEST_SECONDS = 120  # A killed demo lets `sam build` come to its end, which takes what it takes.
LAST_LINE = "Ctrl-C ends it, and everything in it is gone."


@dataclass(frozen=True)
class Started:
    """A command that is running, in the environment of a person with accounts of their own."""

    process: subprocess.Popen[str]
    environment: dict[str, str]

    def read_until(self, beginning: str) -> list[str]:
        """The lines that it prints up to the one that begins like this."""
        assert self.process.stdout
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith(beginning):
                return lines
        raise AssertionError("\n".join(lines))

    def end(self, ending: int) -> list[psutil.Process]:
        """Send a signal; returns the processes that it had started and that are still there."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        assert started
        self.process.send_signal(ending)
        self.process.communicate(timeout=LONGEST_SECONDS)
        return psutil.wait_procs(started, timeout=LONGEST_SECONDS)[1]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Started]]:
    # Where the tests run in the background, Ctrl-C may be ignored, and would be by these too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    environment = os.environ | hostile(tmp_path / "home")
    running: list[Started] = []

    def start(module: str) -> Started:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(Started(process, environment))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.process.communicate()


@pytest.fixture
def left() -> Iterator[Callable[[], set[Path]]]:
    """The directories of a local AWS that were not there before."""
    before = set(PROJECT.glob(".aws-sam/local-*"))
    yield lambda: set(PROJECT.glob(".aws-sam/local-*")) - before
    for directory in set(PROJECT.glob(".aws-sam/local-*")) - before:
        shutil.rmtree(directory)


@pytest.mark.parametrize(
    ("ending", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["Ctrl-C", "terminated", "killed"],
)
def test_stopped_demo_leaves_nothing(
    start: Callable[[str], Started], left: Callable[[], set[Path]], ending: int, status: int
) -> None:
    """Stopped while the SAM CLI builds, the demo takes its processes and its files with it."""
    demo = start("demo")
    demo.read_until("   packaging")

    assert demo.end(ending) == []
    assert demo.process.returncode == status
    if ending != signal.SIGKILL:
        assert left() == set()


def test_playground_is_an_aws_for_any_shell(
    start: Callable[[str], Started], left: Callable[[], set[Path]], tmp_path: Path
) -> None:
    """Its lines lead the AWS CLI to it in spite of what is exported; Ctrl-C leaves nothing."""
    playground = start("demo.playground")
    lines = playground.read_until(LAST_LINE)
    pasted = [line for line in lines if line.startswith(("export ", "unset "))]
    tried = [line for line in lines if line.startswith("aws ")]

    said = subprocess.run(
        ["bash", "-ec", "\n".join([*pasted, *tried])],
        env=playground.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stderr
    assert '"Name": "restricted/Provazio"' in said.stdout
    assert '"Arn": "arn:aws:iam::123456789012:user/restricted/Provazio"' in said.stdout
    assert playground.end(signal.SIGINT) == []
    assert playground.process.returncode == 0
    assert left() == set()
    assert written(tmp_path / "home") == []


def test_proxy_of_the_person_is_not_asked_for_the_local_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the person reaches without a proxy stays so, and the local AWS comes to it."""
    monkeypatch.setenv("no_proxy", "example.com")
    exports = LocalAws(tmp_path, 1).exports

    assert exports["no_proxy"] == exports["NO_PROXY"] == "localhost,127.0.0.1,example.com"


class Screen:
    """A stream that a person looks at, or a pipe."""

    def __init__(self, tty: bool) -> None:
        self.text, self.isatty = "", lambda: tty

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        """Everything is there at once."""


def tell(tty: bool) -> str:
    screen: Any = Screen(tty)
    terminal = Terminal(screen)
    for detail in ("Role", "Function"):
        terminal.doing("deploying", detail)
    terminal.doing("")
    terminal.say("created " + ", ".join(["Resource"] * 20))
    return str(screen.text)


def test_pipe_gets_each_step_once() -> None:
    """In a pipe there are lines only, one for each step, none too long to read."""
    first, *others = tell(tty=False).splitlines()

    assert first == "   deploying …"
    assert len(others) > 1
    assert all(line.startswith("   ") and line.isprintable() for line in others)
    assert max(map(len, others)) <= 100


def test_terminal_shows_the_moment_and_erases_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the moment stands in one line, which never wraps and does not stay."""
    monkeypatch.setenv("COLUMNS", "24")
    moments, last = tell(tty=True).split("   created", 1)

    shown = [moment for moment in moments.split("\r\x1b[2K") if moment]
    assert [moment[:15] for moment in shown] == ["   deploying … "] * 2
    assert max(map(len, shown)) < 24
    assert moments.endswith("\x1b[2K")
    assert "deploying" not in last


def test_clean_removes_all_that_git_ignores(tmp_path: Path) -> None:
    """Whatever the commands make, which git is told to ignore, `make clean` removes; no more."""
    shutil.copy(PROJECT / "Makefile", tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "kept.py").touch()
    ignored = (PROJECT / ".gitignore").read_text().split()
    for name in ignored:
        for directory in (tmp_path, tmp_path / "src") if name == "__pycache__/" else (tmp_path,):
            (directory / name).mkdir()

    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)

    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["Makefile", "src", "src/kept.py"]
