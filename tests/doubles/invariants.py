"""What must be true of AWS after every operation, however it went."""

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


def resource_is_whole(user_name: str, secret_name: str, policies: list[str]) -> None:
    """AWSCURRENT holds a key that works, no other key lingers, and the policies are the wanted."""
    keys, current = world.keys(user_name), world.secret(secret_name)
    held = {current["AccessKeyId"]}
    try:
        held.add(world.secret(secret_name, "AWSPREVIOUS")["AccessKeyId"])
    except world.secretsmanager().exceptions.ResourceNotFoundException:
        pass
    assert current["UserName"] == user_name
    assert keys.get(current["AccessKeyId"]) == "Active"
    assert len(keys) <= 2
    assert keys.keys() <= held
    replaced, schedules = held - {current["AccessKeyId"]}, world.schedules()
    assert len(schedules) <= 1
    assert all(key in each["Target"]["Input"] for each in schedules for key in replaced)
    assert len(keys) == 1 or schedules, "nothing would end the replaced key"
    assert "PermissionsBoundary" in world.user(user_name)
    assert world.attached(user_name) == policies
    assert world.policy_names() == sorted([FOREIGN, *policies])
    assert world.user_names() == sorted([FOREIGN, user_name])
    assert world.secret_names() == sorted([f"restricted/{FOREIGN}", secret_name])
