"""`make publish PREFIX=acme-launch REGIONS="eu-west-1 us-east-1"`; see docs/publishing.md."""

import argparse
import logging
import os
import sys
import tempfile
import tomllib
from pathlib import Path

from publish.aws import Aws
from publish.errors import PublishError
from publish.package import PROJECT, Artefact, build, code
from publish.page import launch_page
from publish.publisher import Publication
from publish.readme import with_table
from publish.record import RECORD, record_text
from publish.release import PAGE, TEMPLATE, Release, checked_release
from publish.template import parse_template, published_template


def main(arguments: list[str] | None = None) -> int:
    """Publish what the arguments say; returns the exit status."""
    options = _options(arguments)
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    try:
        release = checked_release(
            options.version or project["version"], options.prefix, options.regions
        )
        # The SAM translator asks for a region and uses it for nothing that we have.
        logging.getLogger("samtranslator").setLevel(logging.ERROR)
        os.environ.setdefault("AWS_DEFAULT_REGION", release.regions[0])
        aws = Aws.from_environment(release, public=not options.private)
        readme = options.readme.read_text()
        with_table(readme, release)  # Complains now about what it would complain of at the end.
        _tell(f"Building version {release.version} …")
        files = artefacts(release)
        failed = Publication(release, files, aws, _tell).run()
    except PublishError as error:
        print(error, file=sys.stderr)
        return 1
    if failed:
        print(f"NOT published in {', '.join(failed)}.", file=sys.stderr)
        return 1
    options.record.write_text(record_text(release, files))
    options.readme.write_text(with_table(readme, release))
    _tell(f"Published in {', '.join(release.regions)}; {options.readme.name} links to it.")
    return 0


def artefacts(release: Release) -> list[Artefact]:
    """All files of a version, code first so that no template is there without its code."""
    with tempfile.TemporaryDirectory(prefix="publish-") as directory:
        built = build(Path(directory))
        template = parse_template(built.read_text())
        page = launch_page(release, template).encode()
        return [
            *code(built),
            Artefact(TEMPLATE, published_template(template, release).encode(), "application/yaml"),
            Artefact(PAGE, page, "text/html; charset=utf-8"),
        ]


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m publish", description=__doc__)
    parser.add_argument("--prefix", required=True, help="buckets are <prefix>-<region>")
    parser.add_argument("--regions", nargs="*", required=True, help="of one partition")
    parser.add_argument("--version", help="default: that of pyproject.toml")
    parser.add_argument(
        "--private", action="store_true", help="the buckets are not for everybody; fetch as owner"
    )
    parser.add_argument("--readme", type=Path, default=PROJECT / "README.md")
    parser.add_argument("--record", type=Path, default=RECORD)
    return parser.parse_args(arguments)


def _tell(line: str) -> None:
    print(line + "\n", end="", flush=True)  # In one piece: regions talk at the same time.


if __name__ == "__main__":
    sys.exit(main())
