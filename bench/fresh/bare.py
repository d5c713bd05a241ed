"""Builds bare boto3 clients of services, and tells seconds and memory.

`bare.py RESULT build SERVICE…` builds them; `bare.py RESULT call SERVICE…` also makes one call of
each.
"""

import sys
import time

result, verb, *services = sys.argv[1:]
began = time.perf_counter()

import boto3

session = boto3.Session()
clients = {service: session.client(service) for service in services}  # type: ignore[call-overload]
seconds = time.perf_counter() - began

if __name__ == "__main__":
    import json
    from pathlib import Path

    reads = {
        "cloudformation": "list_stacks",
        "dynamodb": "list_tables",
        "iam": "list_users",
        "scheduler": "list_schedules",
        "secretsmanager": "list_secrets",
        "sts": "get_caller_identity",
    }
    if verb == "call":
        for service, client in clients.items():
            getattr(client, reads[service])()
    (peak,) = (
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    Path(result).write_text(json.dumps({"seconds": seconds, "peak_kib": peak}))
