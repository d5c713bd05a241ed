"""What `sam build` makes, and how large it is when SAM zips it."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

from bench.table import Row, markdown, row

AT_MOST_BYTES = 1_200_000
_COMPILED = (".pyc", ".so", ".pyd")
_REASONS = {
    "handler": "the functions",
    "policies": "the catalogue",
    "aws_lambda_powertools": "structured logs and metrics",
    "typing_extensions.py": "needed by `aws_lambda_powertools`",
    "crhelper": "the protocol of custom resources",
}


@dataclass(frozen=True)
class Package:
    """Bytes in the archive, by what is at the top of it, and how many files are compiled ones."""

    zipped: dict[str, int]
    unpacked: dict[str, int]
    total: int
    compiled: int

    @property
    def rows(self) -> list[Row]:
        """Lines of the one table."""
        return [
            row("Package of `sam build`, zipped, bytes", self.total, AT_MOST_BYTES),
            row("Compiled files in it", self.compiled, 0),
        ]

    @property
    def contents(self) -> str:
        """What is in it and why, the largest first."""
        names = sorted(self.zipped, key=self.zipped.__getitem__, reverse=True)
        return markdown(
            ("", "zipped, bytes", "unpacked, bytes", "why"),
            [
                (f"`{name}`", f"{self.zipped[name]:,}", f"{self.unpacked[name]:,}", reason(name))
                for name in names
            ],
            last_is_text=True,
        )


def reason(name: str) -> str:
    """Why something is in the package; what nobody has explained stands out."""
    if name.endswith(".dist-info"):
        return "licence and version"
    return _REASONS.get(name, "**not known**")


def measure(directory: Path, archive: Path) -> Package:
    """Zip a built function as SAM does, and look at it."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for path in files:
            written.write(path, path.relative_to(directory))
        zipped: dict[str, int] = {}
        unpacked: dict[str, int] = {}
        for info in written.infolist():
            top = info.filename.split("/")[0]
            zipped[top] = zipped.get(top, 0) + info.compress_size
            unpacked[top] = unpacked.get(top, 0) + info.file_size
    compiled = sum(path.suffix in _COMPILED for path in files)
    return Package(zipped, unpacked, archive.stat().st_size, compiled)
