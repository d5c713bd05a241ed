"""KMS keys as Secrets Manager names them."""

DEFAULT_KMS_KEY = "alias/aws/secretsmanager"


def replica_key(kms_key_id: str | None) -> str | None:
    """The key as another region knows it, None when it cannot be known there.

    An alias may exist in every region, and the copies of a multi-Region key share their id; any
    other key belongs to one region. AWS KMS Developer Guide, "Multi-Region keys".
    """
    name = (kms_key_id or DEFAULT_KMS_KEY).rpartition(":")[2].removeprefix("key/")
    return name if name.startswith(("alias/", "mrk-")) else None
