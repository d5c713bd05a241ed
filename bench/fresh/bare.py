"""Builds bare boto3 clients of the services that a Create uses, and tells seconds and memory.

`bare.py RESULT` builds them; `bare.py RESULT call` also makes one call of each.
"""

import sys
import time

began = time.perf_counter()

import boto3

READS = {
    "cloudformation": "list_stacks",
    "dynamodb": "list_tables",
    "iam": "list_users",
    "scheduler": "list_schedules",
    "secretsmanager": "list_secrets",
    "sts": "get_caller_identity",
}
session = boto3.Session()
clients = {service: session.client(service) for service in READS}  # type: ignore[call-overload]
seconds = time.perf_counter() - began

if __name__ == "__main__":
    import json
    from pathlib import Path

    if sys.argv[2:] == ["call"]:
        for service, read in READS.items():
            getattr(clients[service], read)()
    (peak,) = (
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    Path(sys.argv[1]).write_text(json.dumps({"seconds": seconds, "peak_kib": peak}))
