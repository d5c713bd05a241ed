"""Proving that a new access key works before anybody is given it.

STS GetCallerIdentity needs no permission. A new key takes some seconds to be known everywhere.
"""

import time

from botocore.exceptions import ClientError

from handler.aws.clients import sts_client
from handler.deadline import Deadline
from handler.errors import KeyNotVerifiedError, error_code
from handler.facts import Fact, Metric, tell
from handler.model.keys import AccessKey

_NOT_KNOWN_YET = ("InvalidClientTokenId", "SignatureDoesNotMatch")
_LONGEST_SECONDS = 120  # Usually 5 to 15.


def verify(key: AccessKey, deadline: Deadline) -> None:
    """Return when STS accepts the key; raises KeyNotVerifiedError when it does not in time."""
    sts, begun = sts_client(key), time.time()
    try:
        deadline.until_settled(sts.get_caller_identity, *_NOT_KNOWN_YET, seconds=_LONGEST_SECONDS)
    except ClientError as error:
        if error_code(error) not in _NOT_KNOWN_YET:
            raise  # It says nothing about the key.
        raise KeyNotVerifiedError(
            f"STS did not accept access key {key.access_key_id} ({error_code(error)}). "
            "AWSCURRENT is unchanged; a key that was new is deleted."
        ) from error
    accepted = {Metric.SECONDS_UNTIL_ACCEPTED: time.time() - begun}
    tell(Fact("KeyAccepted", "STS accepts it", {"access_key_id": key.access_key_id}, accepted))
