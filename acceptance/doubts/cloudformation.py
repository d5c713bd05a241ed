"""How late CloudFormation tells, in which order it works, whom it calls and how."""

import json
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any

from botocore.exceptions import ClientError

from acceptance import templates
from acceptance.account import code_of, error_code, sentence
from acceptance.chapters import bucket
from acceptance.doubts.laboratory import Laboratory, NotAnsweredError, told
from acceptance.stacks import Stack

_SPREADS_SECONDS = 60
_EXPRESS = {"DeploymentConfig": {"Mode": "EXPRESS"}}
_REFUSED = ("AccessDenied", "AccessDeniedException")


def response_host(lab: Laboratory) -> list[str]:
    """A resource of our own is made, changed and deleted; its function tells the host alone."""
    stack = lab.course.stack("host")
    for change in ("1", "2"):
        template = {"Resources": {"Host": templates.resource(lab.function_arn, Change=change)}}
        status = stack.update(template) if stack.id else stack.create(template)
        if not status.endswith("_COMPLETE") or "ROLLBACK" in status:
            raise NotAnsweredError(f"the stack ended in {status}")
    stack.delete()
    return [f"`{host}`" for host in sorted({one["Host"] for one in lab.seen(("Host",))})]


def order_of_upgrade(lab: Laboratory) -> list[str]:
    """Function and resource change in one update, and the resource fails."""
    stack = lab.course.stack("upgrade")
    stack.create(templates.upgrade(lab.account, lab.role_arn, "1"))
    stack.update(templates.upgrade(lab.account, lab.role_arn, "2", **templates.FAILS))
    events = [event for event in stack.events() if event.logical_id != stack.name]
    failed = [i for i, e in enumerate(events) if e.status == "UPDATE_FAILED"]
    if not failed:
        raise NotAnsweredError(f"the update did not fail: {told(events)}")
    lines = [
        f"Forwards: {told(events[: failed[0] + 1])}",
        f"Backwards: {told(events[failed[0] + 1 :]) or 'no event'}",
    ]
    stack.delete()
    back = [one for one in lab.seen(("Resource",)) if one["Kind"] == "Back"]
    if back:
        version = {"1": "from before the update", "2": "that failed"}[back[-1]["Version"]]
        lines.append(f"The roll-back's Update was served by the code {version}.")
    else:
        lines.append("The resource that failed got no Update in the roll-back.")
    return lines


def time_of_roll_back(lab: Laboratory) -> list[str]:
    """An update fails; the stack's events tell when it began, and when its roll-back did."""
    stack = lab.course.stack("time")
    stack.create({"Resources": {"Time": templates.resource(lab.function_arn, Change="1")}})
    failing = templates.resource(lab.function_arn, Change="2", **templates.FAILS)
    stack.update({"Resources": {"Time": failing}})
    began = {one.status: one.at for one in stack.events() if one.logical_id == stack.name}
    update, back = (began.get(f"UPDATE_{word}IN_PROGRESS") for word in ("", "ROLLBACK_"))
    updated = stack.updated()
    stack.delete()
    if not (update and back and updated):
        raise NotAnsweredError("CloudFormation here tells no time of an update or its roll-back")
    nearer = abs(updated - update) < abs(updated - back)
    return [
        f"{'No' if nearer else 'Yes'}: at rest it is {updated:%H:%M:%S.%f}. The update began at "
        f"{update:%H:%M:%S.%f}, and its roll-back at {back:%H:%M:%S.%f}."
    ]


def express(lab: Laboratory) -> list[str]:
    """Two resources, of which the second fails in an update; then the last good template."""
    stack = lab.course.stack("express")
    good = templates.two(lab.function_arn, {"Change": "1"}, {"Change": "1"})
    bad = templates.two(
        lab.function_arn, {"Change": "2"}, {"Change": "2", **templates.FAILS_AND_STAYS}
    )
    status = stack.create(good, **_EXPRESS)
    described = lab.account.client("cloudformation").describe_stacks(StackName=stack.id)
    mode = described["Stacks"][0].get("DeploymentConfig", {}).get("Mode")
    if mode != "EXPRESS":
        stack.delete()
        raise NotAnsweredError("CloudFormation here makes no stack in Express mode")
    lines = [f"Create ended in {status}: {told(stack.events())}"]
    steps: dict[str, Callable[[], str]] = {
        "Failing update": lambda: stack.update(bad, **_EXPRESS),
        "Last good template again": lambda: stack.update(good, **_EXPRESS),
        "Delete": stack.delete,
    }
    for step, take in steps.items():
        try:
            lines.append(f"{step} ended in {take()}: {told(stack.events())}")
        except ClientError as error:
            lines.append(f"{step}: {sentence(error)}")
    asked = [f"{one['Kind']} of {one['LogicalId']}" for one in lab.seen(("First", "Second"))]
    return [*lines, f"The function was asked for: {', '.join(asked)}"]


def nested_rules(lab: Laboratory) -> list[str]:
    """A rule that never holds: refused in a stack of its own, and then nested."""
    rules = json.dumps(templates.ruled())
    alone = lab.course.stack("ruled")
    code = code_of(lambda: alone.create(templates.ruled()))
    if code != "ValidationError":
        raise NotAnsweredError(
            f"a stack whose rule does not hold got {code or 'no refusal'} by itself"
        )
    s3, key = lab.account.client("s3"), "ruled.json"
    s3.put_object(Bucket=bucket(lab.account), Key=key, Body=rules.encode())
    suffix = "amazonaws.com.cn" if lab.account.partition == "aws-cn" else "amazonaws.com"
    url = f"https://{bucket(lab.account)}.s3.{lab.account.region}.{suffix}/{key}"
    parent = lab.course.stack("nesting")
    status = parent.create(templates.nesting(url))
    reasons = parent.reasons()
    parent.delete()
    if status == "CREATE_COMPLETE":
        return ["No: the nested stack was made although its rule does not hold."]
    if "rule" in reasons.lower():
        return [f"Yes: the nested stack was refused ({reasons})"]
    raise NotAnsweredError(f"the nesting stack ended in {status}: {reasons}")


def called_via(lab: Laboratory) -> list[str]:
    """A role may invoke the function only via CloudFormation, and makes a stack that does."""
    role = _Deployer(lab)
    if role.makes_a_stack("never", tries=1):
        raise NotAnsweredError(
            "CloudFormation here invokes the function without asking whether its caller may"
        )
    made = role.makes_a_stack("via", tries=4)
    if not made and not role.makes_a_stack("always", tries=4):
        raise NotAnsweredError("the role could not make the stack with any right to invoke")
    directly = role.refusal_of_invoke() if made else ""
    return [
        f"{'Yes' if made else 'No'}: with the condition aws:CalledVia = "
        f"cloudformation.amazonaws.com the stack was {'made' if made else 'refused'}.",
        *([f"Without CloudFormation the role got {directly or 'no refusal'}."] if made else []),
    ]


class _Deployer:
    """A role that deploys a stack, with more rights from time to time."""

    def __init__(self, lab: Laboratory) -> None:
        self._lab, self._account = lab, lab.account
        self._name = f"{lab.account.prefix}-deployer"
        self._iam = lab.account.client("iam")
        self._arn = self._iam.create_role(
            RoleName=self._name,
            Path=lab.account.iam_path,
            AssumeRolePolicyDocument=templates.deployer_trust(lab.account),
        )["Role"]["Arn"]

    def makes_a_stack(self, how: str, tries: int) -> bool:
        """Whether a stack with a custom resource comes to its end; rights take time to spread."""
        policy = templates.deployer_policy(self._account, self._lab.function_arn, how)
        self._iam.put_role_policy(RoleName=self._name, PolicyName="Deploy", PolicyDocument=policy)
        template = {"Resources": {"Via": templates.resource(self._lab.function_arn)}}
        for count in range(tries):
            name = f"{self._account.prefix}-via-{how}-{count}"
            stack = Stack(self._account, name, [], self._client("cloudformation"))
            if self._accepted(lambda stack=stack: stack.create(template)) == "CREATE_COMPLETE":  # type: ignore[misc]
                return True
            if count + 1 < tries:
                self._lab.until(lambda: False, _SPREADS_SECONDS / tries)
        return False

    def refusal_of_invoke(self) -> str:
        """With what Lambda refuses the role that calls it without CloudFormation."""
        client = self._client("lambda")
        arn = self._lab.function_arn
        return code_of(lambda: client.invoke(FunctionName=arn, Payload="{}"))

    def _client(self, service: str) -> Any:
        """The role is known to STS some seconds after it was made."""
        sts = self._account.client("sts")
        answer = self._accepted(
            lambda: sts.assume_role(RoleArn=self._arn, RoleSessionName="acceptance")
        )
        key = answer["Credentials"]
        return self._account.client_of(
            service, key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"]
        )

    def _accepted(self, call: Callable[[], Any]) -> Any:
        """The answer, once what the role needs is known to those who judge it."""
        answers: list[Any] = []

        def answered() -> bool:
            try:
                answers.append(call())
            except ClientError as error:
                if error_code(error) not in _REFUSED:
                    raise
            return bool(answers)

        if self._lab.until(answered, _SPREADS_SECONDS) is None:
            raise NotAnsweredError("these credentials cannot work as the role of a deployer")
        return answers[0]


def lateness(lab: Laboratory) -> list[str]:
    """What every stack of the run has shown, to its caller and to the function it asked."""
    if not lab.course.measured:
        raise NotAnsweredError("no stack was made")
    began = [one.at_the_beginning for one in lab.course.measured]
    ended = [one.at_the_end for one in lab.course.measured]
    lines = [
        f"To the caller, who asked every {lab.account.poll_seconds} s in {len(began)} operations: "
        f"the previous status stayed for up to {max(began):.1f} s after the request was taken "
        f"(median {median(began):.1f} s), and the last status came up to {max(ended):.1f} s after "
        f"its event (median {median(ended):.1f} s)."
    ]
    seen = lab.seen()
    for call, of in (("DescribeStacks", "Stack"), ("DescribeStackResource", "Resource")):
        late = [one for one in seen if one[of]["First"] != one[of]["Last"]]
        worst = max((one[of]["Seconds"] for one in late), default=0)
        misfits = Counter(
            f"{one['Kind']}: {one[of]['First']}" for one in seen if not one[of]["Fits"]
        )
        lines.append(
            f"To the function, {call}: {len(late)} of {len(seen)} requests were told an old status "
            f"at first, for up to {worst:.1f} s"
            + "".join(f"; {one['Kind']}: {one[of]['First']}" for one in late)
        )
        if misfits:
            lines.append(
                f"{call} never told what fits the request: "
                + ", ".join(f"{misfit} ({count} times)" for misfit, count in misfits.items())
            )
    return lines
