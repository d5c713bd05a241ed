"""The certificates by which CloudFormation's address for answers is known.

OpenSSL reads them without Python's lock, so a function that imports this module before the SDK
does not wait for them.
"""

import ssl
from concurrent.futures import ThreadPoolExecutor

_reader = ThreadPoolExecutor(max_workers=1)
_reading = _reader.submit(ssl.create_default_context)
_reader.shutdown(wait=False)


def certificates() -> ssl.SSLContext:
    """All that the machine trusts. Raises what reading them raised."""
    return _reading.result()
