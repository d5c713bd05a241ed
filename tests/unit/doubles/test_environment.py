"""The tests reach the AWS that they make, whatever the person who runs them has exported."""

import os
import subprocess
import sys
from pathlib import Path

from support.templates import PROJECT

# Each of them alone would lead the clients elsewhere, or keep them from being built.
EXPORTED = {
    "AWS_CA_BUNDLE": "/nowhere/certificates.pem",
    "AWS_CONFIG_FILE": "config",
    "AWS_DEFAULT_PROFILE": "nobody",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": "http://localhost:1",
    "AWS_ENDPOINT_URL_IAM": "http://localhost:1",
    "AWS_MAX_ATTEMPTS": "nine",
    "AWS_PROFILE": "nobody",
    "AWS_ROLE_ARN": "arn:aws:iam::210987654321:role/theirs",
    "AWS_SESSION_TOKEN": "theirs",
    "AWS_SHARED_CREDENTIALS_FILE": "credentials",
    "AWS_STS_REGIONAL_ENDPOINTS": "nowhere",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token",
}


def test_nothing_that_is_exported_reaches_the_tests(tmp_path: Path) -> None:
    """A test passes under the settings of another account, and writes nothing beside itself."""
    home, place = tmp_path / "home", tmp_path / "place"
    (home / ".aws").mkdir(parents=True)
    place.mkdir()
    for path in (home / ".aws" / "config", home / ".aws" / "credentials", place / "config"):
        path.write_text("[default]\nregion = nowhere\nretry_mode = none\n[this is no profile")
    before = sorted(home.rglob("*"))
    exported = {
        name: str(place / value) if name.endswith("_FILE") and "/" not in value else value
        for name, value in EXPORTED.items()
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist",
         "--basetemp", str(tmp_path / "inner"), "tests/lifecycle/test_lifecycle.py",
         "-k", "test_create_makes_user_policy_key_and_secret"],
        cwd=PROJECT,
        env=os.environ | exported | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(home.rglob("*")) == before
