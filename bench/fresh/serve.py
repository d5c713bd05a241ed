"""Serves events with the provider's function as Lambda would, and tells when each was answered.

`serve.py RESULT FUNCTION_ARN EVENT…`; times are of CLOCK_MONOTONIC, which all processes share.
"""

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from handler import app

_TIMEOUT_SECONDS = 300


@dataclass
class Context:
    """What the Lambda runtime says of an invocation."""

    invoked_function_arn: str
    aws_request_id: str
    function_name: str = "provider"
    memory_limit_in_mb: int = 256
    log_stream_name: str = "log-stream"
    began: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """Of the function's timeout."""
        return int((self.began + _TIMEOUT_SECONDS - time.monotonic()) * 1000)


def _of_this_process(name: str) -> int:
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)
    )
    return int(line.split()[1])


if __name__ == "__main__":
    result, function_arn, *events = sys.argv[1:]
    answered = []
    for path in events:
        event = json.loads(Path(path).read_text())
        began = time.monotonic()
        app.lambda_handler(event, Context(function_arn, event["RequestId"]))
        answered.append({"began": began, "answered": time.monotonic()})
    told = {"events": answered, "peak_kib": _of_this_process("VmHWM"), "cpu": time.process_time()}
    Path(result).write_text(json.dumps(told))
