"""End to end: the demo's chapters, with the real SAM CLI on a local AWS that enforces IAM."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from demo.journey import CHAPTERS, Journey
from demo.local_aws import local_aws


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with (
        local_aws(tmp_path_factory.mktemp("aws")) as aws,
        patch.dict(os.environ, aws.environment, clear=True),
    ):
        yield Journey(aws, print)


@pytest.mark.parametrize("chapter", CHAPTERS.values(), ids=CHAPTERS)
def test_chapter_keeps_its_promises(journey: Journey, chapter: Callable[[Journey], None]) -> None:
    """Each chapter of the demo checks what it says, in order, each building on the one before."""
    chapter(journey)


def test_package_is_pure_and_small(journey: Journey) -> None:
    """The built function has no compiled code and no boto3, and brings the policies along."""
    build = journey.sam.built_template.parent / "ProviderFunction"
    files = {str(path.relative_to(build)) for path in build.rglob("*") if path.is_file()}

    assert not [name for name in files if Path(name).suffix in (".so", ".pyd", ".dylib")]
    assert not [name for name in files if name.startswith(("boto3/", "botocore/", "bin/"))]
    assert {
        "handler/app.py",
        "handler/properties/properties.json",
        "policies/catalogue.json",
    } <= files
