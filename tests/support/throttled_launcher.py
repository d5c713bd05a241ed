"""Starts the local AWS as the demo does, with the rates of a small account for the functions."""

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from ministack.core.responses import error_response_xml
from ministack.services import cloudformation, iam

from demo import launcher
from support.token_bucket import TokenBucket

# People see 20 calls a second on AWS, and 10; with that IAM alone a test would take two minutes.
RATES = {iam: TokenBucket(rate=30, burst=20), cloudformation: TokenBucket(rate=10, burst=10)}
# One line for each call that was throttled, with its service.
THROTTLED = Path(os.environ["HOME"]) / "throttled"

Serve = Callable[..., Awaitable[tuple[int, dict[str, str], bytes]]]


def throttled(service: Any, bucket: TokenBucket) -> Serve:
    """The service, which refuses what a function calls too often; the account's root may."""
    serve: Serve = service.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], *further: Any
    ) -> tuple[int, dict[str, str], bytes]:
        by_function = "Credential=ASIA" in headers.get("authorization", "")
        if by_function and bucket.is_empty():
            with THROTTLED.open("a") as told:
                told.write(f"{service.__name__}\n")
            refusal: tuple[int, dict[str, str], bytes] = error_response_xml(
                "Throttling", "Rate exceeded", 400
            )
            return refusal
        return await serve(method, path, headers, *further)

    return handle_request


if __name__ == "__main__":
    for service, bucket in RATES.items():
        service.handle_request = throttled(service, bucket)
    launcher.main()
