"""What publishing decides without AWS: places, links, and the same bytes from the same source."""

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from publish import PublishError
from publish.package import Artefact, code, zipped
from publish.readme import with_table
from publish.record import read_record, record_text
from publish.release import TEMPLATE, Release, checked_release, launch_url
from publish.template import parse_template, published_template
from support.templates import PROJECT

TWO_FUNCTIONS = """
Transform: AWS::Serverless-2016-10-31
Description: Two.
Metadata: {}
Rules: {}
Resources:
  First: {Type: AWS::Serverless::Function, Properties: {
    CodeUri: First, Handler: a.b, Runtime: python3.13,
    Role: !Sub "arn:${AWS::Partition}:iam::1:role/r"
  }}
  Second: {Type: AWS::Serverless::Function, Metadata: {BuildMethod: makefile}, Properties: {
    CodeUri: Second, Handler: a.b, Runtime: python3.13,
    Role: !Sub "arn:${AWS::Partition}:iam::1:role/r"
  }}
"""


@pytest.mark.parametrize(
    ("version", "prefix", "regions", "sentences"),
    [
        ("1.2", "acme", ["us-east-1"], ["must look like 1.2.3"]),
        ("1.2.3", "Acme_", ["us-east-1"], ["PREFIX 'Acme_' must be small letters"]),
        ("1.2.3", "acme", [], ["at least one region"]),
        ("1.2.3", "acme", ["frankfurt"], ["'frankfurt' is not a region."]),
        ("1.2.3", "acme", ["us-iso-east-1"], ["aws-iso, which has no public console"]),
        ("1.2.3", "a" * 60, ["us-east-1"], ["longer than 63 characters"]),
        ("1.2.3", "acme", ["us-east-1", "cn-north-1"], ["aws and aws-cn; publish to one"]),
        ("x", "", ["nowhere"], ["must look like", "PREFIX", "not a region"]),
    ],
)
def test_impossible_places_are_refused(
    version: str, prefix: str, regions: list[str], sentences: list[str]
) -> None:
    """All that is wrong is said at once, before anything is built."""
    with pytest.raises(PublishError) as refusal:
        checked_release(version, prefix, regions)

    assert [sentence for sentence in sentences if sentence not in str(refusal.value)] == []


@pytest.mark.parametrize(
    ("region", "console", "bucket_host"),
    [
        ("eu-west-1", "https://eu-west-1.console.aws.amazon.com/", "s3.eu-west-1.amazonaws.com/"),
        (
            "cn-north-1",
            "https://cn-north-1.console.amazonaws.cn/",
            "s3.cn-north-1.amazonaws.com.cn/",
        ),
        (
            "us-gov-west-1",
            "https://us-gov-west-1.console.amazonaws-us-gov.com/",
            "s3.us-gov-west-1.amazonaws.com/",
        ),
    ],
)
def test_each_partition_has_its_own_places(region: str, console: str, bucket_host: str) -> None:
    """Links lead to the console and to the S3 of the region's partition."""
    release = checked_release("1.2.3", "acme", [region])

    assert launch_url(release, region).startswith(f"{console}cloudformation/home?region={region}#/")
    assert bucket_host in release.url(region, TEMPLATE)


def test_every_function_gets_its_own_code(tmp_path: Path) -> None:
    """However many functions there are, each is zipped and found in the region of the stack."""
    for name in ("First", "Second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "code.py").write_text(name)
    (tmp_path / "template.yaml").write_text(TWO_FUNCTIONS)
    release = Release("1.2.3", "acme", ("us-east-1",))
    template = parse_template(published_template(parse_template(TWO_FUNCTIONS), release))

    assert [artefact.file for artefact in code(tmp_path / "template.yaml")] == [
        "First.zip",
        "Second.zip",
    ]
    assert {name: r["Properties"]["Code"] for name, r in template["Resources"].items()} == {
        name: {
            "S3Bucket": {"Fn::Sub": "acme-${AWS::Region}"},
            "S3Key": f"restricted-iam-user/1.2.3/{name}.zip",
        }
        for name in ("First", "Second")
    }


def test_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    """Neither times nor compiled files get into the zip file, so a publication can be continued."""
    (tmp_path / "b.py").write_text("b")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.py").write_text("a")
    before = zipped(tmp_path)
    (tmp_path / "b.py").touch()
    (tmp_path / "a" / "a.pyc").write_text("compiled")

    assert zipped(tmp_path) == before
    assert zipfile.ZipFile(BytesIO(before)).namelist() == ["a/a.py", "b.py"]


def test_record_is_read_back(tmp_path: Path) -> None:
    """docs/published.json brings back the release and its digests; without it there is none."""
    release = Release("1.2.3", "acme", ("us-east-1", "eu-west-1"))
    artefact = Artefact("x", b"", "text/plain")
    path = tmp_path / "published.json"
    assert read_record(path) is None
    path.write_text(record_text(release, [artefact]))
    record = read_record(path)

    assert record
    assert record.release == release
    assert record.digests == {"x": artefact.sha256}
    assert json.loads(path.read_text())["Version"] == "1.2.3"


def test_readme_without_marks_is_refused() -> None:
    """Nothing is guessed about where the links belong."""
    release = Release("1.2.3", "acme", ("us-east-1",))

    with pytest.raises(PublishError, match="lost the marks"):
        with_table("# Other", release)
    assert "param_PolicyTemplate=none" in with_table((PROJECT / "README.md").read_text(), release)
