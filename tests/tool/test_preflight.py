"""`preflight` says what is wrong before anything is launched, and what to do."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from doubles import world
from operator_tool import build, preflight
from operator_tool.caller import connect
from support.templates import load

from .conftest import PHYSICAL_IDS, Run

DOCUMENT = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'


class Judge:
    """IAM of moto, with the simulation of policies and an account summary of our own."""

    def __init__(self, denied: set[str] = frozenset(), **summary: int) -> None:  # type: ignore[assignment]
        self.denied, self.summary = denied, summary
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(world.iam(), name)

    def get_account_summary(self) -> dict[str, Any]:
        return {"SummaryMap": {"UsersQuota": 5000, "Users": 1} | self.summary}

    def get_paginator(self, name: str) -> Any:
        return self if name == "simulate_principal_policy" else world.iam().get_paginator(name)

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked.append(asked)
        results = [
            {
                "EvalActionName": action,
                "EvalDecision": "implicitDeny" if action in self.denied else "allowed",
            }
            for action in asked["ActionNames"]
        ]
        return [{"EvaluationResults": results}]


@pytest.fixture
def judge(clients: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Whoever runs the tool is a role that may do everything."""
    clients["iam"] = made = Judge()
    arn = "arn:aws:iam::123456789012:user/administrator"
    monkeypatch.setattr(preflight, "_principal", lambda _caller: arn)
    return made


def test_free_account_is_fine(tool: Run, judge: Judge) -> None:
    """With nothing in the way everything is ticked, and IAM was asked about every right."""
    code, text = tool("preflight", "--regions", "eu-west-1,us-east-1")

    assert code == 0, text
    assert "enough to deploy" in text
    asked = {action for each in judge.asked for action in each["ActionNames"]}
    assert asked == {action for right in preflight._RIGHTS for action in right["Actions"]}
    assert not any(
        "$" in arn or "*" in arn[:-1] for each in judge.asked for arn in each["ResourceArns"]
    )


def test_taken_names_are_told(tool: Run, judge: Judge) -> None:
    """User, policies in other letters and on other paths, and a deleted secret are in the way."""
    world.iam().create_user(UserName="Provazio")
    world.iam().create_policy(PolicyName="manageiguaziosystemsEKS", PolicyDocument=DOCUMENT)
    world.secretsmanager().create_secret(Name="restricted/Provazio", SecretString="x")
    world.secretsmanager().delete_secret(SecretId="restricted/Provazio")
    code, text = tool("preflight", "--template", "eks", "--json")
    wrong = {check["subject"]: check for check in json.loads(text)["Checks"] if check["todo"]}

    assert code == 1
    assert set(wrong) == {
        "User Provazio", "Policy ManageIguazioSystemsEks", "Secret restricted/Provazio",
    }  # fmt: skip
    assert "adopt Provazio" in wrong["User Provazio"]["todo"]
    assert "awaits its deletion" in wrong["Secret restricted/Provazio"]["detail"]


def test_regions_and_boundaries_are_looked_up(tool: Run, judge: Judge) -> None:
    """A region that does not exist, and a boundary that nobody made."""
    missing = "arn:aws:iam::123456789012:policy/missing"
    code, text = tool(
        "preflight", "--template", "none", "--regions", "eu-wset-1", "--boundary", missing,
        "--provider-boundary", PHYSICAL_IDS["UserBoundary"], "--json",
    )  # fmt: skip
    found = {check["subject"]: check["result"] for check in json.loads(text)["Checks"]}

    assert code == 1
    assert found["Region eu-wset-1"] == "wrong"
    assert found[f"Boundary {missing}"] == "wrong"
    assert found[f"Boundary {PHYSICAL_IDS['UserBoundary']}"] == "ok"
    assert "User Provazio" not in found


def test_missing_rights_and_limits_are_named(tool: Run, judge: Judge) -> None:
    """Each action that is not allowed, and each quota that is used up."""
    judge.denied = {"iam:CreateRole"}
    judge.summary = {"Users": 5000}
    code, text = tool("preflight")
    flat = " ".join(text.split())

    assert code == 1
    assert "not allowed: iam:CreateRole" in flat
    assert "5000 of 5000 used, 1 needed" in flat


@pytest.mark.parametrize(
    "operation", ["get_user", "get_account_summary", "list_policies", "simulate_principal_policy"]
)
def test_what_cannot_be_looked_up_is_unknown(
    tool: Run, judge: Judge, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """Without one right its check is unknown, the others are made, and the exit code is 2."""

    def refuse(*_: Any, **__: Any) -> None:
        told: Any = {"Error": {"Code": "AccessDenied", "Message": "No."}}
        raise ClientError(told, operation)

    paginator = judge.get_paginator
    monkeypatch.setattr(
        judge, "get_paginator", lambda name: refuse() if name == operation else paginator(name)
    )
    if operation.startswith("get_"):
        monkeypatch.setattr(judge, operation, refuse, raising=False)
    code, text = tool("preflight")

    assert code == 2, text
    assert "was refused: AccessDenied" in " ".join(text.split())


@pytest.mark.parametrize(
    ("arn", "principal"),
    [
        ("arn:aws:iam::1:user/team/a", "arn:aws:iam::1:user/team/a"),
        ("arn:aws:sts::1:assumed-role/deployer/me", "arn:aws:iam::123456789012:role/ci/deployer"),
        ("arn:aws:sts::1:federated-user/a", None),
    ],
)
def test_principal_is_what_iam_judges(aws: None, arn: str, principal: str | None) -> None:
    """A session is judged as its role, whose path the session does not tell."""
    world.iam().create_role(RoleName="deployer", Path="/ci/", AssumeRolePolicyDocument=DOCUMENT)
    caller = connect(None, "us-east-1")
    caller.arn = arn

    assert preflight._principal(caller) == principal


def test_rights_are_those_of_the_deployer(aws: None) -> None:
    """What preflight asks is what examples/deployer-policy.yaml allows."""
    assert build.rights(load("examples/deployer-policy.yaml")) == preflight._RIGHTS
