"""`make publish PREFIX=acme-launch REGIONS="eu-west-1 us-east-1"`; see docs/publishing.md."""

import argparse
import sys
import tempfile
import tomllib
from pathlib import Path

from operator_tool.build import archive
from publish import PROJECT, PublishError
from publish.bucket import own_buckets
from publish.package import Artefact, build, code
from publish.page import launch_page
from publish.publisher import Publication
from publish.readme import with_table
from publish.record import RECORD, record_text
from publish.release import PAGE, TEMPLATE, TOOL, Publisher, Release, checked_release
from publish.template import parse_template, published_template


def main(arguments: list[str] | None = None) -> int:
    """Publish what the arguments say; returns the exit status."""
    options = _options(arguments)
    try:
        release = checked_release(options.version, options.prefix, options.regions)
        buckets = own_buckets(release, public=not options.private)
        readme = with_table(options.readme.read_text(), release)
        _tell(f"Building version {release.version} …")
        files = artefacts(release, Publisher(options.publisher, options.source))
        failed = Publication(release, files, buckets, _tell).run()
    except PublishError as error:
        print(error, file=sys.stderr)
        return 1
    if failed:
        print(f"NOT published in {', '.join(failed)}.", file=sys.stderr)
        return 1
    options.record.write_text(record_text(release, files))
    options.readme.write_text(readme)
    _tell(f"Published in {', '.join(release.regions)}; {options.readme.name} links to it.")
    return 0


def artefacts(release: Release, publisher: Publisher | None = None) -> list[Artefact]:
    """All files of a version, in the order of upload: a template never comes before its code."""
    with tempfile.TemporaryDirectory(prefix="publish-") as directory:
        built = build(Path(directory))
        template = parse_template(built.read_text())
        page = launch_page(release, template, publisher).encode()
        return [
            *code(built),
            Artefact(TEMPLATE, published_template(template, release).encode(), "application/yaml"),
            Artefact(PAGE, page, "text/html; charset=utf-8"),
            Artefact(TOOL, archive(), "application/zip"),
        ]


def _options(arguments: list[str] | None) -> argparse.Namespace:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    parser = argparse.ArgumentParser(prog="python -m publish", description=__doc__)
    parser.add_argument("--prefix", required=True, help="buckets are <prefix>-<region>")
    parser.add_argument("--regions", nargs="*", required=True, help="of one partition")
    parser.add_argument(
        "--version", default=project["version"], help="default: that of pyproject.toml"
    )
    parser.add_argument(
        "--private", action="store_true", help="the buckets are not for everybody; fetch as owner"
    )
    parser.add_argument("--publisher", default="", help="who answers for it, named on the page")
    parser.add_argument("--source", default="", help="https address of the source, for the page")
    parser.add_argument("--readme", type=Path, default=PROJECT / "README.md")
    parser.add_argument("--record", type=Path, default=RECORD)
    return parser.parse_args(arguments)


def _tell(line: str) -> None:
    # Regions talk at the same time, and print() would write the end of the line by itself.
    print(line + "\n", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
