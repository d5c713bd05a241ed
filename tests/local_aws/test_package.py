"""What `sam build` packages: pure Python, all that is imported, and hardly anything else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from publish.package import zipped

LIMIT = 400_000  # Bytes of the zip file.
# Everything at the top of the package, and why it is there.
CONTENTS = {
    "handler": "the functions",
    "policies": "the catalogue of policies and its documents",
    "aws_lambda_powertools": "structured logs and metrics",
    "crhelper": "the protocol of custom resources",
    "typing_extensions.py": "Powertools imports it",
}
# A scanner of deployed functions, such as Amazon Inspector, knows versions by these.
METADATA = ".dist-info"
FUNCTIONS = ("ProviderFunction", "RotationFunction")
# What the entry points import from the package; boto3 and jmespath come with the runtime.
_IMPORTED = """
import json, os, sys
sys.path.insert(0, os.getcwd())
import handler.app, handler.rotation_function
from aws_lambda_powertools.metrics import Metrics, MetricUnit, single_metric
files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
print(json.dumps(sorted(os.path.relpath(f) for f in files if f and f.startswith(os.getcwd()))))
"""


@pytest.fixture(scope="module", params=FUNCTIONS)
def contents(package: Path, request: pytest.FixtureRequest) -> Path:
    return package / str(request.param)


def test_everything_in_the_package_has_a_reason(contents: Path) -> None:
    """Nothing is packaged that no line of this list explains."""
    top = {path.name for path in contents.iterdir() if not path.name.endswith(METADATA)}

    assert top == CONTENTS.keys()


def test_package_is_pure_python(contents: Path) -> None:
    """Nothing compiled is in it, so it runs on every architecture; and no tests of others."""
    suffixes = {path.suffix for path in contents.rglob("*") if path.is_file()}
    directories = {path.name for path in contents.rglob("*") if path.is_dir()}

    assert not suffixes & {".so", ".pyc", ".pyd", ".dylib", ".a", ".exe"}
    assert not directories & {"__pycache__", "tests", "test", "bin", "event_handler"}


def test_package_is_small(contents: Path) -> None:
    """A small package is fetched and unpacked quickly when the function starts."""
    size = len(zipped(contents))
    print(f"{contents.name}: {size:,} bytes zipped")

    assert size < LIMIT


def test_what_is_left_out_is_not_missed(contents: Path) -> None:
    """Both functions start from the package alone, as the runtime starts them."""
    run = subprocess.run(
        [sys.executable, "-c", _IMPORTED],
        cwd=contents,
        env={
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_LAMBDA_FUNCTION_NAME": "function",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    imported = {Path(file).parts[0] for file in json.loads(run.stdout)}

    assert imported == CONTENTS.keys() - {"policies"}


def test_licences_are_kept(contents: Path) -> None:
    """What others wrote is handed on with its licence and its version."""
    packages = [path for path in contents.iterdir() if path.name.endswith(METADATA)]

    assert packages
    for path in packages:
        assert (path / "METADATA").exists()
        assert [*path.rglob("*LICENSE*"), *path.rglob("*NOTICE*")], path.name
