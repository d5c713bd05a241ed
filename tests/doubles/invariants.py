"""What must be true of AWS after every operation, however it went."""

import json
from typing import Any

from doubles import world

FOREIGN = "Foreign"


def plant_foreign_things() -> dict[str, Any]:
    """Things of somebody else on the same path and prefix, which must stay as they are."""
    iam, secretsmanager = world.iam(), world.secretsmanager()
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
    iam.create_user(UserName=FOREIGN, Path=world.PATH)
    iam.create_policy(PolicyName=FOREIGN, Path=world.PATH, PolicyDocument=document)
    iam.create_access_key(UserName=FOREIGN)
    secretsmanager.create_secret(Name=f"restricted/{FOREIGN}", SecretString="theirs")
    return foreign_things()


def foreign_things() -> dict[str, Any]:
    secret = world.secretsmanager().get_secret_value(SecretId=f"restricted/{FOREIGN}")
    return {
        "user": world.user(FOREIGN)["UserId"],
        "keys": world.keys(FOREIGN),
        "policy": world.policy_document(FOREIGN),
        "secret": secret["SecretString"],
    }


def nothing_of_ours_is_left() -> None:
    """Only what was planted is there."""
    assert world.user_names() == [FOREIGN]
    assert world.policy_names() == [FOREIGN]
    assert world.secret_names() == [f"restricted/{FOREIGN}"]
    assert world.schedules() == []


def resource_is_whole(
    user_name: str, secret_name: str, policies: list[str], status: str = "Active"
) -> None:
    """AWSCURRENT holds a key, no other key lingers, and status and policies are the wanted."""
    current = world.secret(secret_name)
    assert current["UserName"] == user_name
    every_key_is_held_or_ends(user_name, current["AccessKeyId"], status)
    assert "PermissionsBoundary" in world.user(user_name)
    assert world.attached(user_name) == policies
    assert world.policy_names() == sorted([FOREIGN, *policies])
    assert world.user_names() == sorted([FOREIGN, user_name])
    assert world.secret_names() == sorted([f"restricted/{FOREIGN}", secret_name])


def every_key_is_held_or_ends(user_name: str, current: str, status: str = "Active") -> None:
    """The current key exists, a schedule ends every other one, and all have the status."""
    keys = world.keys(user_name)
    assert current in keys
    assert set(keys.values()) == {status}
    events = [json.loads(each["Target"]["Input"])["RetireAccessKey"] for each in world.schedules()]
    ends = [event["AccessKeyId"] for event in events if event["UserName"] == user_name]
    assert sorted(ends) == sorted(keys.keys() - {current})
