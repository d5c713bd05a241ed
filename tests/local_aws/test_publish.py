"""Published to three regions of a local AWS, then used by people without a checkout."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError

import publish.__main__
from demo.local_aws import LocalAws, local_aws
from publish.__main__ import main
from publish.bucket import Bucket
from publish.package import Artefact
from publish.readme import disagreements
from publish.record import Record, read_record
from publish.release import LATEST, PAGE, TEMPLATE, Publisher, Release
from publish.verify import main as verify
from support import published
from support.browser import started_browser
from support.published import PREFIX, REGIONS
from support.templates import PROJECT, load, parse

MARKS = "<!-- launch links: `make publish` -->\n<!-- end of launch links -->\n"


@dataclass(frozen=True)
class Published:
    """A local AWS to which a version has been published, and what that left in the checkout."""

    aws: LocalAws
    readme: Path
    record_file: Path
    output: str

    @property
    def record(self) -> Record:
        record = read_record(self.record_file)
        assert record
        return record

    def link(self, region: str) -> dict[str, str]:
        """The fields of the README's first button for a region."""
        found = re.search(rf"region={region}#/stacks/create/review\?([^)]*)", self.text)
        assert found
        return dict(parse_qsl(found[1]))

    @property
    def text(self) -> str:
        return self.readme.read_text()

    def content(self, region: str, key: str) -> bytes:
        bucket = f"{PREFIX}-{region}"
        body = self.aws.client("s3", region).get_object(Bucket=bucket, Key=key)["Body"]
        return bytes(body.read())


@pytest.fixture(scope="module")
def product(
    tmp_path_factory: pytest.TempPathFactory, built_publication: Callable[[Path], Path]
) -> Iterator[Published]:
    """Published with `make`, which builds; whatever is published later is the same package."""
    directory = tmp_path_factory.mktemp("checkout")
    readme, record = directory / "README.md", directory / "published.json"
    readme.write_text(MARKS)
    with (
        local_aws(tmp_path_factory.mktemp("aws")) as aws,
        patch.dict(os.environ, aws.environment, clear=True),
        pytest.MonkeyPatch.context() as patches,
    ):
        for region in REGIONS:
            published.make_bucket(aws, region)
        done = published.make(
            "publish",
            PREFIX=PREFIX,
            REGIONS=" ".join(REGIONS),
            OPTIONS=f"--readme {readme} --record {record}",
        )
        assert done.returncode == 0, done.stderr
        patches.setattr("publish.__main__.build", built_publication)
        yield Published(aws, readme, record, done.stdout)


def publish_version(product: Published, tmp_path: Path, version: str, *regions: str) -> int:
    """Publish another version, with a README of its own."""
    readme = tmp_path / "README.md"
    readme.write_text(MARKS)
    return main(
        ["--prefix", PREFIX, "--version", version, "--readme", str(readme),
         "--record", str(tmp_path / "published.json"), "--regions", *regions]
    )  # fmt: skip


def test_progress_is_told(product: Published) -> None:
    """Every region says what is uploaded, fetched, launched and pointed to, in that order."""
    for region in REGIONS:
        told = [line for line in product.output.splitlines() if line.startswith(f"{region}: ")]
        files = len(product.record.digests)
        assert [line.split()[1] for line in told[:files]] == [
            f"{number}/{files}" for number in range(1, files + 1)
        ]
        assert "fetched" in told[files]
        assert "launched" in told[files + 1]
        assert "latest" in told[files + 2]


def test_readme_template_and_links_agree(product: Published) -> None:
    """The command wrote links that lead to its own template and fill in parameters it has."""
    template = parse(product.content("eu-west-1", product.record.release.key(TEMPLATE)).decode())

    assert disagreements(product.text, product.record.release, template) == []
    assert [product.link(region)["param_PolicyTemplate"] for region in REGIONS] == ["vanilla"] * 3


def test_launch_check_leaves_nothing(product: Published) -> None:
    """What was launched to verify the publication is gone from every region."""
    for region in REGIONS:
        stacks = product.aws.client("cloudformation", region).list_stacks()["StackSummaries"]
        there = [stack for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"]
        assert [stack["StackName"] for stack in there] == [f"bucket-{PREFIX}"]
    assert product.aws.client("iam").list_users()["Users"] == []


def test_one_template_for_all_regions(product: Published) -> None:
    """The same bytes everywhere, without a transform, and `latest` is the version itself."""
    key = product.record.release.key(TEMPLATE)
    latest = f"restricted-iam-user/{LATEST}/{TEMPLATE}"
    copies = {product.content(region, name) for region in REGIONS for name in (key, latest)}

    assert len(copies) == 1
    template = parse(copies.pop().decode())
    assert "Transform" not in template
    assert {"Fn::Sub": f"{PREFIX}-${{AWS::Region}}"} in [
        resource["Properties"]["Code"]["S3Bucket"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]


@pytest.mark.parametrize("region", REGIONS)
def test_life_from_the_published_artefact_alone(product: Published, region: str) -> None:
    """Launched from the README's link: create, read, rotate, delete, in each region."""
    link, user = product.link(region), f"Provazio-{region}"
    values = {name.removeprefix("param_"): v for name, v in link.items() if "param_" in name}
    values |= {"UserName": user, "PolicyName": user}
    name, url = link["stackName"], link["templateURL"]

    made = published.create(product.aws, region, name, values, TemplateURL=url)
    first = published.credentials(made["ReadCredentials"])
    assert caller(product.aws, first) == made["UserArn"]
    rotated = published.update(product.aws, region, name, values | {"Serial": "2"})
    second = published.credentials(rotated["ReadCredentials"])
    assert second["AccessKeyId"] == rotated["AccessKeyId"] != first["AccessKeyId"]
    assert caller(product.aws, second) == made["UserArn"]
    published.delete(product.aws, region, name)

    assert product.aws.client("iam").list_users()["Users"] == []
    assert product.aws.client("iam").list_policies(Scope="Local")["Policies"] == []
    assert product.aws.client("secretsmanager", region).list_secrets()["SecretList"] == []


def caller(aws: LocalAws, secret: dict[str, str]) -> str:
    """Who STS says the holder of the credentials is."""
    sts = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=aws.environment["AWS_ENDPOINT_URL"],
        verify=str(aws.certificate),
        aws_access_key_id=secret["AccessKeyId"],
        aws_secret_access_key=secret["SecretAccessKey"],
    )
    return sts.get_caller_identity()["Arn"]


def test_snippet_of_the_published_page_launches(product: Published, tmp_path: Path) -> None:
    """The AWS CLI lines copied from the published page make the user that was asked for."""
    page_file = tmp_path / "index.html"
    page_file.write_bytes(product.content("us-east-1", product.record.release.key(PAGE)))
    with started_browser() as browser:
        page = browser.new_page()
        page.goto(page_file.as_uri())
        page.get_by_label("Region of the stack").select_option("eu-west-1")
        page.get_by_label("User name").fill("FromThePage")
        command = page.locator("#snippet-AWS-CLI").inner_text()
    published.run(command)
    waiter = product.aws.client("cloudformation", "eu-west-1").get_waiter("stack_create_complete")
    waiter.wait(StackName="restricted-iam-user", WaiterConfig={"Delay": 1})

    users = product.aws.client("iam").list_users()["Users"]
    published.delete(product.aws, "eu-west-1", "restricted-iam-user")
    assert [user["UserName"] for user in users] == ["FromThePage"]


def test_one_account_in_two_regions(product: Published) -> None:
    """IAM is global: a second region hears that the name is taken; the first keeps its user."""
    values = {"PolicyTemplate": "vanilla"}
    here, there = (product.link(region)["templateURL"] for region in REGIONS[:2])
    made = published.create(product.aws, REGIONS[0], "home", values, TemplateURL=here)
    with pytest.raises(WaiterError):
        published.create(product.aws, REGIONS[1], "abroad", values, TemplateURL=there)
    told = published.failures(product.aws, REGIONS[1], "abroad")
    published.delete(product.aws, REGIONS[1], "abroad")
    kept = caller(product.aws, published.credentials(made["ReadCredentials"]))
    published.delete(product.aws, REGIONS[0], "home")

    assert "Provazio" in told
    assert kept == made["UserArn"]


def test_version_that_exists_is_refused(
    product: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A published version is never written to again, whatever is in it."""
    version = product.record.release.version
    before = product.content("eu-west-1", product.record.release.key(TEMPLATE))

    assert publish_version(product, tmp_path, version, "eu-west-1") == 1
    assert "never overwritten: raise the version" in capsys.readouterr().out
    assert product.content("eu-west-1", product.record.release.key(TEMPLATE)) == before


def test_failing_regions_do_not_stop_the_others(
    product: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing and a foreign bucket are named, the good region is done, and `latest` stays."""
    foreign = boto3.client(
        "s3",
        region_name="sa-east-1",
        endpoint_url=product.aws.environment["AWS_ENDPOINT_URL"],
        verify=str(product.aws.certificate),
        aws_access_key_id="210987654321",
        aws_secret_access_key="local",
    )
    foreign.create_bucket(
        Bucket=f"{PREFIX}-sa-east-1", CreateBucketConfiguration={"LocationConstraint": "sa-east-1"}
    )
    readable = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*",'
        f'"Resource":["arn:aws:s3:::{PREFIX}-sa-east-1","arn:aws:s3:::{PREFIX}-sa-east-1/*"]}}}}'
    )
    foreign.delete_public_access_block(Bucket=f"{PREFIX}-sa-east-1")
    foreign.put_bucket_policy(Bucket=f"{PREFIX}-sa-east-1", Policy=readable)
    latest = f"restricted-iam-user/{LATEST}/{TEMPLATE}"
    before = product.content("us-east-1", latest)

    status = publish_version(product, tmp_path, "9.0.0", "sa-east-1", "us-east-1", "ca-central-1")
    told = capsys.readouterr()
    assert status == 1
    assert f"Bucket {PREFIX}-sa-east-1 is not ours" in told.out
    assert f"There is no bucket {PREFIX}-ca-central-1" in told.out
    assert "us-east-1: launched" in told.out
    assert "NOT published in sa-east-1, ca-central-1." in told.err
    assert product.content("us-east-1", latest) == before
    assert (tmp_path / "README.md").read_text() == MARKS
    assert "Contents" not in foreign.list_objects_v2(Bucket=f"{PREFIX}-sa-east-1")


def test_begun_version_with_other_content_is_refused(
    product: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lies under a version's name already is neither overwritten nor taken for ours."""
    s3 = product.aws.client("s3", "eu-west-1")
    key = f"restricted-iam-user/8.0.0/{TEMPLATE}"
    s3.put_object(Bucket=f"{PREFIX}-eu-west-1", Key=key, Body=b"theirs")

    assert publish_version(product, tmp_path, "8.0.0", "eu-west-1") == 1
    assert "is not what was built: do not use it" in capsys.readouterr().out
    assert product.content("eu-west-1", key) == b"theirs"


def test_artefact_changed_on_the_way_is_found(
    product: Published,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is fetched is compared before anything is launched, and `latest` stays where it is."""
    put, s3 = Bucket.put, product.aws.client("s3", "eu-west-1")

    def put_and_tamper(bucket: Bucket, key: str, artefact: Artefact, **conditions: str) -> None:
        put(bucket, key, artefact, **conditions)
        if key.endswith(".zip"):
            s3.put_object(Bucket=bucket.name, Key=key, Body=b"tampered with")

    monkeypatch.setattr(Bucket, "put", put_and_tamper)
    latest = f"restricted-iam-user/{LATEST}/{TEMPLATE}"
    before = product.content("eu-west-1", latest)

    assert publish_version(product, tmp_path, "7.0.0", "eu-west-1") == 1
    told = capsys.readouterr().out
    assert ".zip in bucket acme-launch-eu-west-1 is not what was built" in told
    assert "launched" not in told
    assert product.content("eu-west-1", latest) == before


def test_version_that_cannot_be_launched_is_not_released(
    product: Published,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A template that CloudFormation takes but cannot create is found by launching it."""
    everything = publish.__main__.artefacts

    def broken(release: Release, publisher: Publisher) -> list[Artefact]:
        *code, template, page, tool = everything(release, publisher)
        content = parse(template.body.decode())
        content["Resources"]["RestrictedUser"]["Properties"]["Nonsense"] = "x"
        return [*code, replace(template, body=json.dumps(content).encode()), page, tool]

    monkeypatch.setattr(publish.__main__, "artefacts", broken)
    latest = f"restricted-iam-user/{LATEST}/{TEMPLATE}"
    before = product.content("eu-west-1", latest)

    assert publish_version(product, tmp_path, "6.0.0", "eu-west-1") == 1
    assert "eu-west-1: FAILED. Launching failed at RestrictedUser: " in capsys.readouterr().out
    assert product.content("eu-west-1", latest) == before
    stacks = product.aws.client("cloudformation", "eu-west-1").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks] == [f"bucket-{PREFIX}"]


def test_credentials_of_another_partition_are_refused(
    product: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key of one partition publishes to no other; nothing is built."""
    assert publish_version(product, tmp_path, "5.0.0", "cn-north-1") == 1
    told = capsys.readouterr()
    assert "partition aws, but the regions are in aws-cn" in told.err
    assert "Building" not in told.out


def test_region_without_its_artefact_is_told(product: Published) -> None:
    """A region that was not published to refuses the template before anything is created."""
    with pytest.raises(ClientError, match="can be launched in us-east-1, eu-west-1"):
        published.create(
            product.aws, "eu-north-1", "x", {}, TemplateURL=product.link("us-east-1")["templateURL"]
        )


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"UserName": "a b"}, "1 to 64 letters"),
        ({"Regions": "Frankfurt"}, "region names with commas"),
        ({"PolicyTemplate": "everything"}, "vanilla"),
        ({"PreviousKeyGraceHours": "721"}, "720"),
        ({"IamPath": "restricted"}, "begin and end with a slash"),
        ({"PolicyTemplate": "eks-bounded"}, "needs RoleBoundaryArn"),
        ({"PolicyTemplate": "eks-prebuilt"}, "needs EksClusterRoleName"),
        ({"RoleBoundaryArn": "arn:aws:iam::123456789012:policy/Ceiling"}, "limits nothing"),
        ({"EksClusterRoleName": "IguazioCluster"}, "limits nothing"),
        ({"VpcId": "vpc-1"}, "id of one VPC"),
        ({"AllowedCidrs": "203.0.113.0/24, 198.51.100.7/32"}, "no spaces"),
        ({"PolicyTemplate": "none", "PublicIps": "none"}, "makes no user"),
    ],
)
def test_parameters_out_of_range_are_refused(
    product: Published, values: dict[str, str], sentence: str
) -> None:
    """CloudFormation says what is allowed, before anything is created."""
    url = product.link("us-east-1")["templateURL"]
    with pytest.raises(ClientError, match=sentence):
        published.create(product.aws, "us-east-1", "x", values, TemplateURL=url)


def test_template_is_the_checkouts(product: Published) -> None:
    """Publishing changes where the code is, and nothing that people choose or read."""
    template = parse(product.content("us-east-1", product.record.release.key(TEMPLATE)).decode())
    source = load("template.yaml")

    assert template["Parameters"] == source["Parameters"]
    assert template["Outputs"] == source["Outputs"]
    assert template["Rules"].items() >= source["Rules"].items()
    assert "arn:aws:" not in str(template["Resources"])


def test_application_repository_gets_its_metadata(
    product: Published, package: Path, tmp_path: Path
) -> None:
    """`sam package` makes what `sam publish` takes: code, licence and README in the bucket."""
    packaged = tmp_path / "packaged.yaml"
    sam, bucket = PROJECT / ".venv-sam" / "bin" / "sam", f"{PREFIX}-us-east-1"
    published.run(
        f"{sam} package --template {package}/template.yaml --s3-bucket {bucket} "
        f"--output-template-file {packaged} --region us-east-1"
    )
    template = parse(packaged.read_text())
    metadata = template["Metadata"]["AWS::ServerlessRepo::Application"]
    addresses = [metadata["LicenseUrl"], metadata["ReadmeUrl"]]
    addresses += [
        resource["Properties"]["CodeUri"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]

    assert all(address.startswith(f"s3://{bucket}/") for address in addresses)
    licence = product.content("us-east-1", addresses[0].removeprefix(f"s3://{bucket}/"))
    assert licence == (PROJECT / "LICENSE").read_bytes()
    # "AWS SAM template metadata section properties": what the repository requires.
    assert metadata.keys() >= {"Name", "Description", "Author"}
    assert re.fullmatch(r"[a-zA-Z0-9](([a-zA-Z0-9]|-(?!-))*[a-zA-Z0-9])?", metadata["Author"])


def test_tampering_is_found(product: Published, capsys: pytest.CaptureFixture[str]) -> None:
    """Verification passes; then a changed, a missing and a wrongly pointed file are each named."""
    arguments, release = ["--record", str(product.record_file)], product.record.release
    assert verify(arguments) == 0
    code = next(file for file in product.record.digests if file.endswith(".zip"))
    s3, bucket = product.aws.client("s3", "eu-west-1"), f"{PREFIX}-eu-west-1"
    latest = f"restricted-iam-user/{LATEST}/{TEMPLATE}"
    s3.put_object(Bucket=bucket, Key=release.key(code), Body=b"something else")
    s3.delete_object(Bucket=bucket, Key=release.key(PAGE))
    s3.put_object(Bucket=bucket, Key=latest, Body=b"Resources: {}")
    capsys.readouterr()

    assert verify(arguments) == 1
    told = capsys.readouterr().err
    assert f"{release.key(code)} in bucket {bucket} is not what was built" in told
    assert f"{release.key(PAGE)} is missing from bucket {bucket}" in told
    assert f"{latest} in bucket {bucket} is not what was built" in told
    assert len(told.splitlines()) == 3
