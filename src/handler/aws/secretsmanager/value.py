"""The JSON in the secret.

With `Version` and the two key members it is a valid answer of a `credential_process` (AWS SDKs and
Tools Reference Guide, "Process credential provider").
"""

import json
from datetime import datetime

from handler.model.keys import AccessKey, StoredKey


def secret_string(key: AccessKey, user_name: str, account_id: str, trigger: str) -> str:
    """The value for a new key."""
    return json.dumps(
        {
            "Version": 1,
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
            "UserName": user_name,
            "AccountId": account_id,
            "CreateDate": key.created.isoformat(),
            "Trigger": trigger,
        }
    )


def stored_key(version_id: str, text: str) -> StoredKey | None:
    """Which key a value holds; None when somebody wrote another value by hand."""
    try:
        content = json.loads(text)
        members = [content[name] for name in ("UserName", "AccessKeyId", "CreateDate", "Trigger")]
        if not all(isinstance(member, str) for member in members):
            return None
        user_name, access_key_id, created, trigger = members
        return StoredKey(
            version_id, user_name, access_key_id, datetime.fromisoformat(created), trigger
        )
    except (ValueError, KeyError, TypeError):
        return None


def access_key(text: str) -> AccessKey:
    """The whole key of a value for which `stored_key` finds one."""
    content = json.loads(text)
    return AccessKey(
        content["AccessKeyId"],
        datetime.fromisoformat(content["CreateDate"]),
        content["SecretAccessKey"],
    )
