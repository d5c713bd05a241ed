"""What AWS does to a caller that moto, kinder, does not: the passing refusals and the late answers.

Each rule names its source. They meet the functions' calls only; the tests see AWS as it is. All
time is that of the test's clock, and what is young is judged by the date that moto keeps, so an
AWS that is put back (see `snapshot.py`) is as unkind as before.

- Tag keys that begin with `aws:`, in any case, are refused by every call that makes or tags (IAM
  User Guide, "Tags for IAM resources"; quickstart-amazon-eks #42).
- A secret deleted by force goes on being described, with DeletedDate, and its name is not free
  (API reference of DeleteSecret; Terraform's secret.go waits two minutes).
- A user that is not there has no path, so a grant limited by path does not match, and the answer is
  AccessDenied (cloud-gov/terraform-provision #1923, #1929).
- A user made just now is as one that is not there (aws-account-operator #498; IAM User Guide,
  "Changes that I make are not always immediately visible").
- STS refuses a new access key for 5 to 15 s (vault #3115, #8413).
- PutResourcePolicy refuses a principal made just now, and for ever one that is gone (boto3 #3206).
- GetResourcePolicy of a new secret: ResourceNotFoundException (terraform-provider-aws #18406).
- RotateSecret is refused until permissions have spread (Terraform's secret_rotation.go).
- GetAccessKeyLastUsed of a key that is gone: AccessDenied, as for users.
- For some seconds after it was detached, a policy still names its user, and cannot be deleted; nor
  can a user that lost its last dependent (Terraform #49260).
- A version made default before all of IAM knows it denies everything to the policy's holders for a
  while (Terraform's policy.go makes it, waits 5 s, makes it default).

Three more have doubles of their own: throttling (`rates.py`), a call that fails or whose answer is
lost (`aws_calls.py`), and events that come twice, late, or at the same time (`interleave.py`).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from moto.core.exceptions import InvalidClientTokenIdError
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.iam import models as iam_models
from moto.iam.exceptions import DeleteConflictException, IAMException, InvalidInput, NoSuchEntity
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse
from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    SecretNotFoundException,
    SecretsManagerClientError,
)
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sts.responses import TokenResponse

from support.roles import statements

OF_A_FUNCTION = "X-Of-A-Function"  # The header by which a call of the functions is known.


@dataclass(frozen=True)
class Unkindness:
    """For how many seconds each rule holds."""

    young_user: float = 4
    young_key: tuple[float, float] = (5, 15)
    young_principal: float = 10
    young_secret: float = 3
    dying_secret: float = 100
    rotation: float = 5
    detached: float = 3
    young_version: float = 5
    absent_is_denied: bool = True


NONE = Unkindness(0, (0, 0), 0, 0, 0, 0, 0, 0, absent_is_denied=False)
UNKINDNESS = Unkindness()

Action = Callable[[Any], Any]
Rule = Callable[[str, Any, Action], Any]


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the unkindness in place until the patches are undone, over what is strict."""
    for owner, service, rule in (
        (IamResponse, "iam", _iam),
        (SecretsManagerResponse, "secretsmanager", _secrets_manager),
        (TokenResponse, "sts", _sts),
    ):
        for operation in get_service_model(service).operation_names:
            action = getattr(owner, camelcase_to_underscores(operation), None)
            if action:
                ruled = _ruled(rule, operation, action)
                monkeypatch.setattr(owner, camelcase_to_underscores(operation), ruled)


def delete_principal(arn: str) -> None:
    """From now on no resource policy may name it."""
    iam = iam_backends["123456789012"]["aws"]
    vars(iam).setdefault("deleted_principals", set()).add(arn)


def _ruled(rule: Rule, operation: str, action: Action) -> Action:
    return lambda response: rule(operation, response, action)


def _by_a_function(response: Any) -> bool:
    return OF_A_FUNCTION in response.headers


def _now() -> datetime:
    """AWS's time, without a time zone as moto keeps it."""
    now: datetime = vars(iam_models)["utcnow"]()
    return now


def _is_young(date: datetime | None, seconds: float) -> bool:
    """Whether something happened less than so many seconds ago."""
    return bool(date and (_now() - date).total_seconds() < seconds)


# IAM

_OPEN = {
    action.removeprefix("iam:")
    for role in ("ProviderRole", "RotationRole")
    for statement in statements(role)
    if statement.effect == "Allow"
    for resource in statement.resources
    if str(resource).endswith(":user/*'}")
    for action in statement.actions
} | {"RemoveUserFromGroup"}  # Which is granted on groups.


def _iam(operation: str, response: Any, action: Action) -> Any:
    _refuse_reserved_tags(response, InvalidInput)
    if _by_a_function(response):
        _refuse_iam(operation, response)
    result = action(response)
    if operation == "CreateUser" and _by_a_function(response):
        vars(_user(response, response._get_param("UserName")))["made"] = _now()
    if operation.startswith(("Delete", "Detach", "Remove", "Deactivate")):
        _note_end(operation, response)
    if operation == "ListEntitiesForPolicy" and _by_a_function(response):
        return _with_former_holders(response, result)
    return result


def _refuse_iam(operation: str, response: Any) -> None:
    user_name = response._get_param("UserName")
    if operation == "GetAccessKeyLastUsed" and UNKINDNESS.absent_is_denied:
        if response._get_param("AccessKeyId") not in response.backend.access_keys:
            raise _denied(operation)
    elif user_name and operation != "CreateUser":
        user = _user(response, user_name)
        if not user or _is_young(vars(user).get("made"), UNKINDNESS.young_user):
            _refuse_absent(operation, user_name)
        elif operation == "DeleteUser" and _is_young(_ended(user), UNKINDNESS.detached):
            raise DeleteConflictException("Cannot delete entity, must delete its dependents first.")
    elif operation == "DeletePolicy":
        policy = response.backend.managed_policies.get(response._get_param("PolicyArn"))
        if policy and _is_young(_ended(policy), UNKINDNESS.detached):
            raise DeleteConflictException("Cannot delete a policy attached to entities.")
    elif operation == "SetDefaultPolicyVersion":
        _refuse_young_version(response)


def _user(response: Any, user_name: str) -> Any:
    users = response.backend.users.values()
    return next((u for u in users if u.name.casefold() == user_name.casefold()), None)


def _refuse_absent(operation: str, user_name: str) -> None:
    if UNKINDNESS.absent_is_denied and operation not in _OPEN:
        raise _denied(operation)
    raise NoSuchEntity(f"The user with name {user_name} cannot be found.")


def _denied(operation: str) -> IAMException:
    return IAMException(
        "AccessDenied",
        f"User is not authorized to perform: iam:{operation} because no identity-based policy "
        f"allows the iam:{operation} action",
    )


def _refuse_young_version(response: Any) -> None:
    """AWS would take it, and refuse the holders of the policy for a while, which nobody sees."""
    policy = response.backend.get_policy(response._get_param("PolicyArn"))
    version = next(v for v in policy.versions if v.version_id == response._get_param("VersionId"))
    assert not _is_young(version.create_date, UNKINDNESS.young_version), "not known everywhere yet"


def _note_end(operation: str, response: Any) -> None:
    """Remember when something last left a user or a policy, and whom the policy was of."""
    user_name, arn = response._get_param("UserName"), response._get_param("PolicyArn")
    policy = response.backend.managed_policies.get(arn) if arn else None
    user = _user(response, user_name) if user_name else None
    for one in (policy, user):
        if one:
            one.__dict__["ended"] = _now()
    if policy and user and operation == "DetachUserPolicy":
        policy.__dict__["former"] = user


def _ended(one: Any) -> datetime | None:
    ended: datetime | None = vars(one).get("ended")
    return ended


def _with_former_holders(response: Any, result: ActionResult) -> ActionResult:
    policy = response.backend.managed_policies.get(response._get_param("PolicyArn"))
    listed: Any = result.result
    former = vars(policy).get("former") if policy else None
    if former and _is_young(_ended(policy), UNKINDNESS.detached):
        listed["PolicyUsers"] = [*listed["PolicyUsers"], former]
    return result


# Secrets Manager


def _secrets_manager(operation: str, response: Any, action: Action) -> Any:
    _refuse_reserved_tags(response, InvalidParameterException)
    if operation == "DeleteSecret":
        return _remembering_the_dying(response, action)
    if not _by_a_function(response):
        return action(response)
    secret_id = response._get_param("SecretId") or response._get_param("Name")
    if dying := _dying(response, secret_id):
        if operation == "DescribeSecret":
            return json.dumps(dying.to_dict())
        raise InvalidRequestException(
            "You can't perform this operation on the secret because it was marked for deletion."
        )
    if secret := response.backend.secrets.get(secret_id):
        _refuse_secret(operation, response, secret)
    result = action(response)
    if operation == "CreateSecret":
        vars(response.backend.secrets.get(secret_id))["made"] = _now()
    return result


def _refuse_secret(operation: str, response: Any, secret: Any) -> None:
    made = vars(secret).get("made")
    if operation == "GetResourcePolicy" and _is_young(made, UNKINDNESS.young_secret):
        raise SecretNotFoundException
    if operation == "RotateSecret":
        asked = vars(secret).setdefault("rotation_asked", _now())
        if _is_young(asked, UNKINDNESS.rotation):
            raise SecretsManagerClientError(
                "AccessDeniedException", "Secrets Manager cannot invoke the rotation function."
            )
    if operation == "PutResourcePolicy":
        for arn in _principals(response):
            _refuse_principal(arn)


def _principals(response: Any) -> list[str]:
    statements = json.loads(response._get_param("ResourcePolicy"))["Statement"]
    named = [one["Principal"]["AWS"] for one in statements if one["Effect"] == "Allow"]
    return [arn for arns in named for arn in ([arns] if isinstance(arns, str) else arns)]


def _refuse_principal(arn: str) -> None:
    iam = iam_backends["123456789012"]["aws"]
    everybody: list[Any] = [*iam.users.values(), *iam.roles.values()]
    known = {one.arn: one for one in everybody}
    young = arn in known and _is_young(
        getattr(known[arn], "create_date", None), UNKINDNESS.young_principal
    )
    if young or arn in vars(iam).get("deleted_principals", ()):
        raise SecretsManagerClientError(
            "MalformedPolicyDocumentException",
            "This resource policy contains an unsupported principal.",
        )


def _remembering_the_dying(response: Any, action: Action) -> Any:
    """DeleteSecret by force: it is over only some time after the call."""
    secret = response.backend.secrets.get(response._get_param("SecretId"))
    result = action(response)
    if secret and response._get_param("ForceDeleteWithoutRecovery"):
        ended = _now()
        secret.deleted_date = (ended - datetime(1970, 1, 1)).total_seconds()
        vars(response.backend).setdefault("dying", {})[secret.name] = (secret, ended)
    return result


def _dying(response: Any, secret_id: str) -> Any:
    """The secret of that name or ARN that was deleted by force a short while ago."""
    if response.backend.secrets.get(secret_id):
        return None
    for secret, ended in vars(response.backend).get("dying", {}).values():
        if secret_id in {secret.name, secret.arn} and _is_young(ended, UNKINDNESS.dying_secret):
            return secret
    return None


def _refuse_reserved_tags(response: Any, error: type[Exception]) -> None:
    for tag in response._get_param("Tags") or ():
        if isinstance(tag, dict) and str(tag.get("Key")).casefold().startswith("aws:"):
            raise error("Tag keys that begin with aws: are reserved for system use.")


# STS


def _sts(operation: str, response: Any, action: Action) -> Any:
    """GetCallerIdentity with a key that was made just now."""
    if operation != "GetCallerIdentity" or not _by_a_function(response):
        return action(response)
    iam = iam_backends[response.current_account][response.partition]
    key = iam.access_keys.get(response.access_key)
    if key and _is_young(key.create_date, _seconds_until_known(iam, key)):
        raise InvalidClientTokenIdError
    return action(response)


def _seconds_until_known(iam: Any, key: Any) -> float:
    """Another time for each key, and the same whenever the same things happen again."""
    if "number" not in vars(key):
        key.number = vars(iam).setdefault("keys_asked_for", 0)
        iam.keys_asked_for += 1
    number: int = key.number
    least, most = UNKINDNESS.young_key
    return least + (most - least) * (7 * number % 11) / 10
