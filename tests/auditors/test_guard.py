"""AWS Guard with the rules of Control Tower finds nothing that accepted.yaml does not explain."""

import json
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from demo.sam import PROVIDER_STACK
from support.audited import Account
from support.findings import Finding, surprises
from support.templates import PROJECT

VALIDATOR = PROJECT / ".venv-npm/node_modules/@cdklabs/cdk-validator-cfnguard"
SYSTEMS = {"Linux": "ubuntu", "Darwin": "macos"}
MACHINES = {"arm64": "aarch64"}
# How Guard ends when a rule is not kept.
_NOT_COMPLIANT = 19


def guard(*templates: Path) -> list[dict[str, Any]]:
    """What Guard says of each template."""
    machine = MACHINES.get(platform.machine(), platform.machine())
    program = VALIDATOR / "bin" / SYSTEMS[platform.system()] / machine / "cfn-guard"
    data = [option for template in templates for option in ("--data", str(template))]
    done = subprocess.run(
        [
            str(program), "validate", "--rules", str(VALIDATOR / "rules/control-tower/cfn-guard"),
            *data, "--output-format", "json", "--structured", "--show-summary", "none",
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode in (0, _NOT_COMPLIANT), done.stderr
    return list(json.loads(done.stdout))


def findings(report: dict[str, Any], template: str) -> list[Finding]:
    """The rules of Control Tower that a template does not keep, by resource."""
    found = []
    for rule in map(json.dumps, report["not_compliant"]):
        (control,) = set(re.findall(r"\[(CT\.[A-Z0-9.]+)\]", rule))
        resources = set(re.findall(r"/Resources/(\w+)", rule))
        found += [Finding(control, f"{template} {resource}".strip()) for resource in resources]
    return found


def test_guard_finds_nothing_new(account: Account, tmp_path: Path) -> None:
    """Every rule that a template does not keep is accepted with a reason, and still not kept."""
    processed = account.aws.client("cloudformation").get_template(
        StackName=PROVIDER_STACK, TemplateStage="Processed"
    )["TemplateBody"]
    deployed = tmp_path / "deployed.json"
    deployed.write_text(processed if isinstance(processed, str) else json.dumps(processed))
    written = [PROJECT / "publish" / "bucket.yaml", *sorted((PROJECT / "examples").glob("*.yaml"))]
    names = {deployed.name: ""} | {one.name: str(one.relative_to(PROJECT)) for one in written}
    found = [
        finding
        for report in guard(deployed, *written)
        for finding in findings(report, names[Path(report["name"]).name])
    ]

    new = surprises("guard", found)
    assert not new, "\n".join(new)
