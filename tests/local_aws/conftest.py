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
    place = LocalAws((own if worker_id == "master" else own.parent) / "package", port=0)
    place.directory.mkdir(exist_ok=True)
    sam = Sam(place, print)
    with (place.directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not sam.built_template.exists():
            sam.build()
    return sam.built_template.parent


@pytest.fixture(scope="session")
def built_sam(package: Path) -> type[Sam]:
    """The SAM CLI as it is after `sam build`."""

    class BuiltSam(Sam):
        # It names the licence by a relative path, so it is used where it was made.
        built_template = package / "template.yaml"

        def build(self) -> None:
            """It is built."""

    return BuiltSam


@pytest.fixture(scope="session")
def built(built_sam: type[Sam]) -> Callable[[LocalAws], Sam]:
    """The same at a local AWS."""
    return lambda aws: built_sam(aws, print)


@pytest.fixture(scope="module")
def built_publication(package: Path) -> Callable[[Path], Path]:
    """Takes the place of the building in `make publish`."""
    return lambda _directory: package / "template.yaml"
