"""The files of a version, built from the checkout so that the same source gives the same bytes."""

import hashlib
import io
import os
import subprocess
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from publish import PROJECT, PublishError
from publish.template import functions, parse_template

_SAM = PROJECT / ".venv-sam" / "bin" / "sam"
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # The first moment that a zip file can name.


@dataclass(frozen=True)
class Artefact:
    """A file to upload."""

    file: str
    body: bytes
    content_type: str

    @cached_property
    def sha256(self) -> str:
        """Hexadecimal digest of the body."""
        return hashlib.sha256(self.body).hexdigest()


def build(directory: Path) -> Path:
    """Run `sam build`; returns the template that it writes. Raises PublishError with its output."""
    # Packages come from outside, so building keeps the machine's own trust.
    outside = {n: v for n, v in os.environ.items() if n not in ("AWS_CA_BUNDLE", "SSL_CERT_FILE")}
    done = subprocess.run(
        [str(_SAM), "build", "--build-dir", str(directory)],
        cwd=PROJECT,
        env=outside | {"AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PublishError(f"sam build failed:\n{done.stderr[-3000:]}")
    return directory / "template.yaml"


def code(built_template: Path) -> list[Artefact]:
    """One zip file for each function of the built template."""
    template = parse_template(built_template.read_text())
    return [
        Artefact(f"{name}.zip", zipped(built_template.parent / uri), "application/zip")
        for name, uri in functions(template).items()
    ]


def zipped(directory: Path) -> bytes:
    """The directory as a zip file, without times, owners or compiled Python."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(directory.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                entry = zipfile.ZipInfo(str(path.relative_to(directory)), _EARLIEST)
                entry.external_attr = 0o644 << 16  # Lambda reads files as another user.
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
