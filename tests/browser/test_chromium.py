"""A browser is found or got in a fixed order, and whoever has none is told what to do."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import chromium

APT = ("apt-get", "install")
PLAYWRIGHT = (sys.executable, "-m", "playwright", "install")


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """What is found here is no browser for others."""
    yield
    chromium.chromium.cache_clear()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[str]]:
    """A machine without a browser, on which some commands put one; returns what was run."""

    def machine(*helping: tuple[str, ...]) -> list[str]:
        ran: list[str] = []
        there: list[Path] = []

        def run(*command: str, seconds: int) -> bool:
            ran.append(" ".join(command))
            if any(command[: len(one)] == one for one in helping):
                (tmp_path / "chromium").touch()
                there.append(tmp_path / "chromium")
            return bool(there)

        monkeypatch.setattr(chromium, "_run", run)
        monkeypatch.setattr(chromium, "_candidates", lambda: map(str, there))
        monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr("os.geteuid", lambda: 0)
        chromium.chromium.cache_clear()
        return ran

    return machine


@pytest.mark.parametrize(
    ("helping", "commands"), [(PLAYWRIGHT, 1), (APT, 3)], ids=["playwright", "Debian"]
)
def test_browser_is_got(
    machine: Callable[..., list[str]], helping: tuple[str, ...], commands: int
) -> None:
    """Playwright's own is downloaded first; where that fails, Debian's is installed."""
    ran = machine(helping)

    assert chromium.chromium().endswith("/chromium")
    *tried, asked = ran
    assert len(tried) == commands
    assert tried[-1].startswith(" ".join(helping))
    assert asked.endswith("--version")


@pytest.mark.parametrize("root", [True, False])
def test_whoever_gets_none_is_told_what_to_do(
    machine: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, root: bool
) -> None:
    """One sentence says what is missing and how to install it; only root installs by itself."""
    ran = machine()
    monkeypatch.setattr("os.geteuid", lambda: 0 if root else 1000)
    with pytest.raises(chromium.NoChromiumError, match=r"sudo apt-get install chromium .*\.$"):
        chromium.chromium()

    assert any(command.startswith("apt-get") for command in ran) == root


def test_browser_that_does_not_start_is_passed_over(
    machine: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file that lies there and lacks its libraries is not taken for a browser."""
    machine()
    (tmp_path / "broken").touch()
    monkeypatch.setattr(chromium, "_candidates", lambda: iter([str(tmp_path / "broken")]))
    with pytest.raises(chromium.NoChromiumError):
        chromium.chromium()
