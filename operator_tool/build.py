"""`make tool`: one file that runs where Python and boto3 are; the same source, the same bytes.

It holds the tool, what it shares with the provider, the policy catalogue and Rich. Rich's own
dependencies render Markdown and source code, which the tool does not.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from operator_tool import NAME

PROJECT = Path(__file__).parents[1]
RIGHTS = PROJECT / "operator_tool" / "rights.json"
# What is imported of the provider, which must not import more of it.
_SHARED = (
    "__init__.py",
    "errors.py",
    "model/__init__.py",
    "model/owner.py",
    "model/progress.py",
    "state/__init__.py",
    "state/made.py",
    "state/record.py",
)
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # The first moment that a zip file can name.
_INTERPRETER = b"#!/usr/bin/env python3\n"
_MAIN = """\
import sys

try:
    import boto3
except ImportError:
    sys.exit("boto3 is missing; run this in AWS CloudShell, or install it: pip install boto3")
from operator_tool.__main__ import main

sys.exit(main())
"""


def archive() -> bytes:
    """The file, whole."""
    buffer = io.BytesIO()
    buffer.write(_INTERPRETER)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as made:
        for name, content in sorted(dict(_contents()).items()):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, content)
    return buffer.getvalue()


def rights(template: dict[str, Any]) -> list[dict[str, Any]]:
    """What examples/deployer-policy.yaml allows, by the first resource of each statement."""
    found = []
    for resource in template["Resources"].values():
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            if "Fn::If" in statement:  # Only where no boundary is demanded.
                continue
            first = _listed(statement["Resource"])[0]
            name = first["Fn::Sub"] if isinstance(first, dict) else first
            found.append({"Resource": name, "Actions": _listed(statement["Action"])})
    return found


def main() -> int:
    """Write dist/restricted-iam-user.pyz."""
    target = PROJECT / "dist" / NAME
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(archive())
    target.chmod(0o755)
    print(f"{target.relative_to(PROJECT)}: {target.stat().st_size / 1024:.0f} KiB")
    return 0


def _contents() -> Iterator[tuple[str, bytes]]:
    yield "__main__.py", _MAIN.encode()
    yield "operator_tool/catalogue.json", (PROJECT / "policies" / "catalogue.json").read_bytes()
    for path in (PROJECT / "operator_tool").iterdir():
        if path.suffix in (".py", ".json") and path.name != "build.py":
            yield f"operator_tool/{path.name}", path.read_bytes()
    for name in _SHARED:
        yield f"handler/{name}", (PROJECT / "src" / "handler" / name).read_bytes()
    yield "LICENSE", (PROJECT / "LICENSE").read_bytes()
    for file in distribution("rich").files or ():
        if file.suffix == ".py" or file.name == "LICENSE":
            yield str(file), file.read_binary()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def write_rights(template: dict[str, Any]) -> None:
    """Write what `preflight` asks IAM."""
    RIGHTS.write_text(json.dumps(rights(template), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
