"""One package for all tests of the local AWS."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.local_aws import LocalAws
from demo.sam import Sam


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """What `sam build` makes of the checkout, made once for all workers of the test run."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    with (shared / "package.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "package").exists():
            directory = tmp_path_factory.mktemp("building")
            Sam(LocalAws(directory, port=0), print).build()
            (directory / "build").rename(shared / "package")
    return shared / "package"


@pytest.fixture(scope="session")
def built(package: Path) -> Callable[[LocalAws], Sam]:
    """The SAM CLI at a local AWS, as it is after `sam build`."""

    def after_building(aws: LocalAws) -> Sam:
        sam = Sam(aws, print)
        sam.built_template.parent.symlink_to(package)
        return sam

    return after_building


@pytest.fixture(scope="module")
def built_publication(package: Path) -> Callable[[Path], Path]:
    """Takes the place of the building in `make publish`."""
    return lambda _directory: package / "template.yaml"
