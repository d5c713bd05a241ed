"""Quick-create links: "Create quick-create links for stacks" in the CloudFormation user guide."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from publish.partition import partition_of
from publish.release import NAME, TEMPLATE, Release


def launch_url(release: Release, region: str, parameters: Mapping[str, str] | None = None) -> str:
    """Address of the console page that is filled in for this version, region and parameters."""
    query = {
        "templateURL": release.url(region, TEMPLATE),
        "stackName": NAME,
        **{f"param_{name}": value for name, value in (parameters or {}).items()},
    }
    return f"{console_url(region)}#/stacks/create/review?{urlencode(query, quote_via=quote)}"


def console_url(region: str) -> str:
    """Address of the CloudFormation console of a region."""
    console = partition_of(region).console
    return f"https://{region}.{console}/cloudformation/home?region={region}"
