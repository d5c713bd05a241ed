"""The documents of the policy catalogue."""

import pytest

from handler.catalogue import load_catalogue
from handler.model import Location
from handler.policy_documents import (
    MAXIMUM_CHARACTERS,
    all_placeholders,
    characters,
    render_policies,
    resolve_variables,
)

PARTITIONS = [
    Location("aws", "us-east-1", "123456789012", "amazonaws.com"),
    Location("aws-cn", "cn-northwest-1", "123456789012", "amazonaws.com.cn"),
    Location("aws-us-gov", "us-gov-west-1", "123456789012", "amazonaws.com"),
]
LONG_VALUES: dict[str, str | list[str]] = {
    "AWS_REGION": ["ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2"],
    "NODE_ROLE_NAME": "n" * 40,
    "EKS_CLUSTER_NAME": "e" * 40,
    "ROLE_BOUNDARY_ARN": f"arn:aws-us-gov:iam::123456789012:policy/{'b' * 40}",
    "EKS_CLUSTER_ROLE_NAME": "r" * 40,
}


@pytest.mark.parametrize("entry", load_catalogue().entries)
@pytest.mark.parametrize("location", PARTITIONS, ids=lambda location: location.partition)
def test_entries_fit_in_every_partition(entry: str, location: Location) -> None:
    """With long names and four regions, every document is below IAM's limit."""
    documents = load_catalogue().entries[entry]
    used = all_placeholders(documents)
    given = {name: value for name, value in LONG_VALUES.items() if name in used}
    variables, problems = resolve_variables(given, used, load_catalogue(), location)
    policies, more = render_policies(documents, variables, "ManageIguazioSystems", "stack")

    assert problems + more == []
    assert len({policy.name for policy in policies}) == len(documents)
    for policy in policies:
        assert characters(policy) <= MAXIMUM_CHARACTERS
        assert f"arn:{location.partition}:" in policy.text


@pytest.mark.parametrize("entry", load_catalogue().entries)
def test_placeholders_of_entries_are_known(entry: str) -> None:
    """Every placeholder of a catalogue document is built in or described in the manifest."""
    built_in = {"AWS_ACCOUNT_ID", "AWS_PARTITION", "AWS_DNS_SUFFIX", "AWS_REGION"}
    used = all_placeholders(load_catalogue().entries[entry])

    assert used <= built_in | load_catalogue().variables.keys()
