"""Tools that look for what is unsafe find nothing; each lives in an environment of its own."""

import os
import subprocess

import pytest

from support.templates import PROJECT

AUDITORS = {
    "the SAM CLI finds the template valid": (
        ".venv-sam/bin/sam", "validate", "--lint", "--template", "template.yaml",
    ),
    "Bandit finds no unsafe Python": (".venv-audit/bin/bandit", "--quiet", "--recursive", "src"),
    "Checkov finds no unsafe resource": (
        ".venv-audit/bin/checkov", "--framework", "cloudformation", "--file", "template.yaml",
        "--compact", "--quiet", "--skip-download",
    ),
}  # fmt: skip


@pytest.mark.parametrize("command", AUDITORS.values(), ids=AUDITORS)
def test_auditor_finds_nothing(command: tuple[str, ...], tmp_path: os.PathLike[str]) -> None:
    """The auditor runs over the repository, needs no account, and complains of nothing."""
    quiet = {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        command, cwd=PROJECT, env=os.environ | quiet, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
