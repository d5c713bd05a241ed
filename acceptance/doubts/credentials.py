"""How long secrets and keys stay, and when they are known."""

import time
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from acceptance.account import code_of, error_code
from acceptance.doubts.laboratory import Laboratory, NotAnsweredError

_HOLDS_SECONDS = 180
_YOUNG_SECONDS = 120
_FLAPS_SECONDS = 15
_KEYS = 3
_LAST_USED_SECONDS = 120


def deleted_secret(lab: Laboratory) -> list[str]:
    """A secret is deleted by force; then its name is asked for again and again."""
    secretsmanager, name = lab.account.client("secretsmanager"), f"{lab.account.prefix}/deleted"
    arn = secretsmanager.create_secret(Name=name, SecretString="{}")["ARN"]
    secretsmanager.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    restored = _refusal(lambda: secretsmanager.restore_secret(SecretId=arn))
    refusals: dict[str, int] = {}
    described: dict[str, int] = {}

    def free() -> bool:
        told = _described(secretsmanager, name)
        described[told] = described.get(told, 0) + 1
        refusal = _refusal(lambda: secretsmanager.create_secret(Name=name, SecretString="{}"))
        refusals[refusal] = refusals.get(refusal, 0) + 1
        return not refusal

    seconds = lab.until(free, _HOLDS_SECONDS)
    held = ", ".join(f"{text} ({count} times)" for text, count in refusals.items() if text)
    return [
        f"RestoreSecret at once: {restored or 'restored it'}",
        f"CreateSecret under its name succeeded after {seconds:.1f} s"
        if seconds is not None
        else "CreateSecret under its name was refused all the time",
        f"CreateSecret until then: {held or 'no refusal'}",
        "DescribeSecret until then: "
        + ", ".join(f"{text} ({count} times)" for text, count in described.items()),
    ]


def _described(secretsmanager: Any, name: str) -> str:
    try:
        secret = secretsmanager.describe_secret(SecretId=name)
    except ClientError as error:
        return error_code(error)
    return "an answer with DeletedDate" if "DeletedDate" in secret else "an answer"


def young_keys(lab: Laboratory) -> list[str]:
    """Some keys are made, and STS is asked of each until it knows it, and for a while after."""
    iam, name = lab.account.client("iam"), f"{lab.account.prefix}-keys"
    iam.create_user(UserName=name, Path=lab.account.iam_path)
    # A new user is not known to every call at once.
    lab.until(lambda: not code_of(lambda: iam.list_access_keys(UserName=name)), _YOUNG_SECONDS)
    lines = []
    for number in range(1, _KEYS + 1):
        key = iam.create_access_key(UserName=name)["AccessKey"]
        lines.append(f"Key {number}: {_known(lab, key)}")
        if number < _KEYS:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        else:
            lab.used_key, lab.used = key["AccessKeyId"], time.time()
    return lines


def _known(lab: Laboratory, key: dict[str, Any]) -> str:
    sts = lab.account.client_of("sts", key["AccessKeyId"], key["SecretAccessKey"])
    codes: list[str] = []

    def known() -> bool:
        codes.append(code_of(sts.get_caller_identity))
        return not codes[-1]

    seconds = lab.until(known, _YOUNG_SECONDS)
    refused = ", ".join(sorted({code for code in codes if code})) or "no refusal"
    if seconds is None:
        return f"not known after {_YOUNG_SECONDS * lab.account.patience:.0f} s ({refused})"
    codes.clear()
    lab.until(lambda: known() and False, _FLAPS_SECONDS)
    again = sum(bool(code) for code in codes)
    return (
        f"known after {seconds:.1f} s ({refused} until then); of {len(codes)} calls after that "
        f"{again} were refused"
    )


def last_used(lab: Laboratory) -> list[str]:
    """Of the key that was used some minutes ago, and of one that is gone."""
    if not lab.used_key:
        raise NotAnsweredError("no key was made and used")
    iam, name = lab.account.client("iam"), f"{lab.account.prefix}-keys"
    dates: list[datetime] = []

    def is_told() -> bool:
        told = iam.get_access_key_last_used(AccessKeyId=lab.used_key)["AccessKeyLastUsed"]
        dates.extend(date for date in [told.get("LastUsedDate")] if date)
        return bool(dates)

    lab.until(is_told, _LAST_USED_SECONDS)
    minutes = (time.time() - lab.used) / 60
    told = f"told as used at {dates[0]:%H:%M} UTC" if dates else "not yet told as used"
    iam.delete_access_key(UserName=name, AccessKeyId=lab.used_key)
    gone = _refusal(lambda: iam.get_access_key_last_used(AccessKeyId=lab.used_key))
    return [
        f"A key was {told} {minutes:.1f} minutes after its use.",
        f"Of a key deleted at that moment: {gone or 'an answer without a refusal'}",
    ]


def redelivery(lab: Laboratory) -> list[str]:
    """The function crashed on an event when the experiments began."""
    if not lab.crashed:
        raise NotAnsweredError("no event was sent")
    wanted = "As it was asked to."

    def starts() -> list[dict[str, Any]]:
        crashes = lab.logged(wanted)
        return [one for one in lab.logged("START RequestId") if _is_of(one, crashes)]

    lab.until(lambda: len(starts()) >= 3, 420)
    seconds = [one["timestamp"] / 1000 - lab.crashed for one in starts()]
    if len(seconds) < 2:
        raise NotAnsweredError(f"the event was seen {len(seconds)} times in the function's log")
    ids = {one["message"].split()[2] for one in starts()}
    return [
        f"It was delivered {len(seconds)} times, "
        f"{', '.join(f'{second:.0f} s' for second in seconds)} after it was sent, "
        f"{'always with one request id' if len(ids) == 1 else 'with several request ids'}."
    ]


def _is_of(start: dict[str, Any], crashes: list[dict[str, Any]]) -> bool:
    """Whether the invocation that begins here crashed: one stream, and at the same time."""
    return any(
        crash["logStreamName"] == start["logStreamName"]
        and 0 <= crash["timestamp"] - start["timestamp"] < 5000
        for crash in crashes
    )


def _refusal(call: Any) -> str:
    """The code and the words of AWS; empty where it does not refuse."""
    try:
        call()
    except ClientError as error:
        return f"{error_code(error)}: {error.response['Error']['Message']}"
    return ""
