"""Prowler and cloudsplaining find nothing in a deployed account but what accepted.yaml explains."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.local_aws import REGION
from support.audited import Account
from support.findings import Finding, accepted, surprises
from support.templates import PROJECT

DOCUMENT = PROJECT / "docs" / "controls.md"
SERVICES = ("iam", "awslambda", "secretsmanager", "dynamodb", "cloudwatch", "kms")
# Cloudsplaining's lists of whatever changes anything: what a policy is for, action by action.
WHOLE = "InfrastructureModification"
Prowler = tuple[list[dict[str, Any]], set[str]]
_ERROR = re.compile(r"\[Module: (\w+)\].*ERROR: (.*)")


@pytest.fixture(scope="module")
def prowler(account: Account) -> Prowler:
    """What Prowler says of the account, and what it could not ask."""
    directory = account.aws.directory / "prowler"
    done = subprocess.run(
        [
            str(PROJECT / ".venv-prowler" / "bin" / "prowler"), "aws",
            "--service", *SERVICES, "--region", REGION, "--scan-unused-services",
            "--output-formats", "json-ocsf", "--output-filename", "found",
            "--output-directory", str(directory), "--ignore-exit-code-3", "--no-banner",
            "--no-color", "--log-level", "ERROR",
        ],
        env=account.aws.environment | {"HOME": str(account.aws.directory)},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    found = json.loads((directory / "found.ocsf.json").read_text())
    return found, {_what_failed(*error) for error in _ERROR.findall(done.stdout + done.stderr)}


def _what_failed(module: str, error: str) -> str:
    """The operation that the local AWS does not answer as AWS does, or the check that broke."""
    operation = re.search(r"when calling the (\w+) operation", error)
    return operation[1] if operation else f"{module}: {error.split(' -- ', maxsplit=1)[0]}"


def cloudsplaining(account: Account) -> list[Finding]:
    """What cloudsplaining says of all policies of the account, and of the trust in its roles."""
    details = account.aws.directory / "authorization.json"
    authorization = account.aws.client("iam").get_account_authorization_details()
    details.write_text(json.dumps(authorization, default=str))
    command = [str(Path(sys.executable).with_name("cloudsplaining")), "scan", "--skip-open-report"]
    options = ["--minimize", "--flag-trust-policies", "--input-file", str(details)]
    subprocess.run(
        [*command, *options, "--output", str(account.aws.directory)],
        capture_output=True,
        check=True,
    )
    results = json.loads((account.aws.directory / "iam-results-authorization.json").read_text())
    policies = [
        *results["inline_policies"].values(),
        *results["customer_managed_policies"].values(),
    ]
    holders = [*results["roles"].values(), *results["users"].values()]
    return [
        Finding(check, account.name(one.get("Arn") or one.get("arn") or one["PolicyName"]))
        for one in [*policies, *holders]
        for check in _checks(one)
    ]


def _checks(audited: dict[str, Any]) -> list[str]:
    return [
        risk if risk == WHOLE else f"{risk}: {one['type'] if isinstance(one, dict) else one}"
        for risk, fields in audited.items()
        if isinstance(fields, dict) and "severity" in fields
        for one in fields.get("findings", ())
    ]


def test_prowler_finds_nothing_new(account: Account, prowler: Prowler) -> None:
    """Every check of these services that fails is accepted with a reason, and still fails."""
    found, _ = prowler
    failed = [
        Finding(one["metadata"]["event_code"], account.name(one["resources"][0]["uid"]))
        for one in found
        if one["status_code"] != "PASS"
    ]

    assert surprises("prowler", failed) == []


def test_prowler_asked_all_it_wanted(prowler: Prowler) -> None:
    """Nothing passes only because Prowler got no answer, but for what accepted.yaml names."""
    _, unanswered = prowler

    assert surprises("prowler-unanswered", [Finding(one, "local AWS") for one in unanswered]) == []


def test_cloudsplaining_finds_nothing_new(account: Account) -> None:
    """Every risk of a policy or a trust is accepted with a reason, and is still there."""
    assert surprises("cloudsplaining", cloudsplaining(account)) == []


def test_controls_are_as_documented(account: Account, prowler: Prowler) -> None:
    """docs/controls.md has a row for each control that Prowler judges here, with its verdict."""
    rows = re.findall(
        r"^\|([^|]*)\|([^|]*)\|[^|]*\| (\w+)[^|]*\|", DOCUMENT.read_text(), re.MULTILINE
    )
    documented = {
        control: verdict
        for fsbp, cis, verdict in rows
        for control in [*fsbp.strip().split(", "), f"CIS {cis.strip()}"]
    }
    here_only = {check for one in accepted("prowler") if one.emulator for check in one.checks}
    judged: dict[str, set[str]] = {}
    for one in prowler[0]:
        verdict = _verdict(one, account, here_only)
        for control in _controls(one) if verdict else ():
            judged.setdefault(control, set()).add(verdict)
    expected = {
        control: next(verdict for verdict in ("fail", "account", "pass") if verdict in verdicts)
        for control, verdicts in judged.items()
    }

    assert {control: documented.get(control) for control in expected} == expected


def _controls(finding: dict[str, Any]) -> list[str]:
    standards = finding["unmapped"]["compliance"]
    cis = [f"CIS {number}" for number in standards.get("CIS-5.0", ())]
    return [*standards.get("AWS-Foundational-Security-Best-Practices", ()), *cis]


def _verdict(finding: dict[str, Any], account: Account, here_only: set[str]) -> str:
    """What a finding says of the stack with its defaults; nothing of what others made."""
    on, check = account.name(finding["resources"][0]["uid"]), finding["metadata"]["event_code"]
    if on == "the customer's key" and finding["status_code"] == "FAIL":
        return "account"
    if on.startswith("hardened ") or (on not in account.names.values() and "restricted" not in on):
        return ""
    return "fail" if finding["status_code"] == "FAIL" and check not in here_only else "pass"
