"""`make verify`: whether strangers still get what was published last."""

import argparse
import sys
from pathlib import Path

from publish import PublishError
from publish.bucket import check_same, read, reader
from publish.record import RECORD, Record, read_record
from publish.release import LATEST, MOVING


def main(arguments: list[str] | None = None) -> int:
    """Fetch every file of every region; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m publish.verify", description=__doc__)
    parser.add_argument("--private", action="store_true", help="fetch with credentials")
    parser.add_argument("--record", type=Path, default=RECORD)
    options = parser.parse_args(arguments)
    record = read_record(options.record)
    if record is None:
        print("Nothing has been published yet.", file=sys.stderr)
        return 1
    problems = _differences(record, public=not options.private)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"Version {record.release.version} is as it was published, in every region.")
    return 1 if problems else 0


def _differences(record: Record, public: bool) -> list[str]:
    """Every file that is missing or has changed, a sentence each."""
    problems = []
    for region in record.release.regions:
        client, bucket = reader(region, public), record.release.bucket(region)
        for file, digest in record.digests.items():
            keys = [record.release.key(file)]
            if file in MOVING:
                keys.append(record.release.key(file, LATEST))
            for key in keys:
                try:
                    check_same(read(client, bucket, key), digest, f"{key} in bucket {bucket}")
                except PublishError as error:
                    problems.append(str(error))
    return problems


if __name__ == "__main__":
    sys.exit(main())
