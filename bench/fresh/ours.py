"""Imports the provider's function and builds its clients of services, and tells the seconds.

`ours.py RESULT SERVICE…`; the package is first in PYTHONPATH.
"""

import sys
import time

result, *services = sys.argv[1:]
began = time.perf_counter()

from datetime import UTC, datetime

from handler import app  # noqa: F401 - what Lambda imports
from handler.aws.clients import clients, sts_client
from handler.deadline import Deadline
from handler.model.keys import AccessKey


class Context:
    """As much of Lambda's context as a deadline asks for."""

    invoked_function_arn = aws_request_id = log_stream_name = ""

    def get_remaining_time_in_millis(self) -> int:
        """All of it."""
        return 300_000


made = clients(Deadline(Context()))
for service in services:
    if service == "sts":
        sts_client(AccessKey("AKIAIOSFODNN7EXAMPLE", datetime.now(UTC), "x"))
    else:
        getattr(made, service)
seconds = time.perf_counter() - began

if __name__ == "__main__":
    import json
    from pathlib import Path

    Path(result).write_text(json.dumps({"seconds": seconds}))
