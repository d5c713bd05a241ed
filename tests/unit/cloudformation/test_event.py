"""Where an answer may be sent."""

import pytest

from handler.cloudformation.event import envelope_problem
from handler.model.owner import Location

PARTITIONS = {
    "aws": Location("aws", "eu-west-1", "123456789012", "amazonaws.com"),
    "aws-cn": Location("aws-cn", "cn-northwest-1", "123456789012", "amazonaws.com.cn"),
    "aws-us-gov": Location("aws-us-gov", "us-gov-west-1", "123456789012", "amazonaws.com"),
}
ENDPOINTS = [
    "s3.{suffix}",
    "s3-{region}.{suffix}",
    "s3.{region}.{suffix}",
    "s3-fips.{region}.{suffix}",
    "s3-fips-{region}.{suffix}",
    "s3.dualstack.{region}.{suffix}",
    "s3-fips.dualstack.{region}.{suffix}",
]
BUCKET = "cloudformation-custom-resource-response-{flat}"
OTHERS = [
    "https://{bucket}.s3.{region}.attacker.example/x",
    "https://{bucket}x.s3.{region}.{suffix}/x",
    "https://attacker.{bucket}.s3.{region}.{suffix}/x",
    "https://attacker@{bucket}.s3.{region}.{suffix}/x",
    "https://{bucket}.s3.{region}.{suffix}:8443/x",
    "https://{bucket}.s3.{region}.{suffix}.attacker.example/x",
    "https://{bucket}.s3.mars-north-1.{suffix}/x",
    "https://{bucket}.s3-website.{region}.{suffix}/x",
    "http://{bucket}.s3.{region}.{suffix}/x",
    "https://s3.{region}.{suffix}/attackers-bucket/x",
]


def problem(template: str, location: Location) -> str | None:
    """What is wrong with an event whose ResponseURL is this."""
    flat = location.region.replace("-", "")
    bucket = BUCKET.format(flat=flat)
    url = template.format(bucket=bucket, region=location.region, suffix=location.dns_suffix)
    event = {
        "RequestType": "Create",
        "RequestId": "1",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/s/1",
        "LogicalResourceId": "User",
        "ResponseURL": url,
    }
    return envelope_problem(event, location)


@pytest.mark.parametrize("port", ["", ":443"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_bucket_of_cloudformation_at_any_endpoint(partition: str, endpoint: str, port: str) -> None:
    """The bucket of the region is answered at every endpoint that S3 has for it."""
    assert problem(f"https://{{bucket}}.{endpoint}{port}/x", PARTITIONS[partition]) is None


@pytest.mark.parametrize("url", OTHERS)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_other_addresses(partition: str, url: str) -> None:
    """Anything else gets no answer."""
    wanted = "ResponseURL does not lead to CloudFormation"
    assert problem(url, PARTITIONS[partition]) == wanted
