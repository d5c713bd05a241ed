"""What the documents of the catalogue allow and refuse, call by call; see tests/policies/calls/."""

import re
from pathlib import Path
from typing import Any

import pytest

from handler.model.owner import Location
from handler.policies.placeholders import Variables
from support.boundary import boundary
from support.permissions import (
    MANIFEST,
    PARTITIONS,
    action_data,
    entry_documents,
    entry_permissions,
    example_values,
    permissions,
    rendered,
    resource_pattern,
)
from support.policy_calls import (
    CALLS,
    EVERYTHING,
    Call,
    allowed,
    calls,
    eksctl_role,
    is_open,
    load,
)

AWS = PARTITIONS["aws"]
ENTRIES = list(MANIFEST["Entries"])
OPTIONS: dict[str, str] = MANIFEST["Options"]
NAMES = {"any cluster": "*", "one cluster": "staging-0"}
ALLOWED = sorted(path.stem for path in (CALLS / "allowed").glob("*.yaml"))
HOSTILE = [group for section in load("refused").values() for group in section]
PATHS = [path for section in load("paths").values() for path in section]
# An entry that paths.yaml does not describe is open in docs/policies.md wherever it is open.
DESCRIBED = sorted({entry for path in PATHS for entry in path.get("open", {})})


def documents(
    names: list[str], location: Location = AWS, **values: str | list[str]
) -> list[dict[str, Any]]:
    given: Variables = {**example_values(location), **values}
    return [policy.document for policy in rendered(names, location, given)]


def calls_of(groups: list[dict[str, Any]], location: Location = AWS) -> list[Call]:
    values = example_values(location)
    return [call for group in groups for call in calls(group, location, values)]


def needed(document: str, location: Location = AWS) -> list[Call]:
    """The calls that a document is for."""
    return calls_of(load(f"allowed/{document}"), location)


@pytest.mark.parametrize("cluster", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("location", PARTITIONS.values(), ids=PARTITIONS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_needed_is_allowed(entry: str, location: Location, cluster: str) -> None:
    """Every call that a document of the entry is for is allowed, in every partition."""
    policies = documents(entry_documents(entry), location, EKS_CLUSTER_NAME=cluster)
    made = [
        call
        for document in entry_documents(entry)
        if document in ALLOWED
        for call in needed(document, location)
    ]

    assert [str(call) for call in made if not allowed(call, policies)] == []


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_needed_is_allowed_under_the_boundary(entry: str) -> None:
    """The ceiling of every user takes nothing from what its entry is for."""
    policies = documents(entry_documents(entry))
    for document in set(entry_documents(entry)) & set(ALLOWED):
        refused = [str(c) for c in needed(document) if not allowed(c, policies, [boundary()])]
        assert refused == []


@pytest.mark.parametrize("document", ALLOWED)
def test_nothing_is_granted_that_nobody_needs(document: str) -> None:
    """Each action of a document is one of the calls that it is for, and the other way round."""
    granted = {
        action
        for found in permissions(document)
        if found.effect == "Allow"
        for action in found.actions
    }

    assert granted == {call.action for call in needed(document)}


def test_the_installer_makes_63_calls() -> None:
    """The vanilla variant grants as many actions as the installer's own policy, and no other."""
    made = [call.action for call in needed("infrastructure")]

    assert len(made) == len(set(made)) == 63
    assert {action for found in entry_permissions("vanilla") for action in found.actions} == set(
        made
    )


@pytest.mark.parametrize("cluster", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("location", PARTITIONS.values(), ids=PARTITIONS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_hostile_calls_are_refused(entry: str, location: Location, cluster: str) -> None:
    """No entry allows any of the calls in refused.yaml."""
    policies = documents(entry_documents(entry), location, EKS_CLUSTER_NAME=cluster)
    hostile = calls_of(HOSTILE, location)

    assert len(hostile) >= 39
    assert [str(call) for call in hostile if allowed(call, policies)] == []


def complete_calls() -> list[Call]:
    """The calls that are requests as AWS sees them; the steps of paths name what decides only."""
    roles = load("roles")
    return [
        *(call for document in ALLOWED for call in needed(document)),
        *calls_of(HOSTILE),
        *calls_of(roles["allowed"]),
        *calls_of(roles["refused"]),
    ]


@pytest.mark.parametrize("call", complete_calls(), ids=lambda call: call.action)
def test_calls_name_what_aws_evaluates(call: Call) -> None:
    """Every call of the files exists, and names all resources that AWS requires for it.

    Otherwise a call might be allowed or refused only because the file is wrong.
    """
    types = action_data(call.action)["resource_types"]
    required = [name for name, fields in types.items() if name and fields["required"]]
    patterns = [resource_pattern(call.action, name) for name in required]
    missing = [
        pattern
        for pattern in patterns
        if not any(map(re.compile(pattern).fullmatch, call.resources))
    ]

    assert missing == []
    assert allowed(call, [EVERYTHING])


@pytest.mark.parametrize("entry", DESCRIBED)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path["path"][:40])
def test_paths_are_as_open_as_we_say(path: dict[str, Any], entry: str) -> None:
    """docs/policies.md admits every path that is open, and claims no closing that does not hold."""
    policies = documents(entry_documents(entry), EKS_CLUSTER_NAME="*")

    is_so = is_open(path, policies, eksctl_role(entry, "*"))
    assert is_so == (entry in path.get("open", {}))


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    "path", [path for path in PATHS if "closed-by" in path], ids=lambda path: path["path"][:40]
)
def test_variables_close_paths(path: dict[str, Any], entry: str) -> None:
    """Naming the cluster, or choosing an option, closes the paths that we say it closes."""
    variable = path["closed-by"]
    names = entry_documents(entry) + ([OPTIONS[variable]] if variable in OPTIONS else [])

    policies = documents(names, EKS_CLUSTER_NAME="staging-0")
    assert not is_open(path, policies, eksctl_role(entry, "staging-0"))


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("variable", OPTIONS)
def test_options_only_take_away_what_they_say(entry: str, variable: str) -> None:
    """With an option, what the installer needs stays allowed, but for what the file says."""
    names = [*entry_documents(entry), OPTIONS[variable]]
    policies = documents(names)
    lost = {
        call.action
        for document in set(entry_documents(entry)) & set(ALLOWED)
        for call in needed(document)
        if not allowed(call, policies)
    }

    expected = load("options")[variable]["loses"]
    assert lost == set(expected) if "infrastructure" in entry_documents(entry) else not lost


@pytest.mark.parametrize("variable", OPTIONS)
def test_options_refuse(variable: str) -> None:
    """Each option refuses what it is for, which the entry alone allows."""
    alone, restricted = (
        documents(["infrastructure"]),
        documents(["infrastructure", OPTIONS[variable]]),
    )
    for call in calls_of(load("options")[variable]["refuses"]):
        assert allowed(call, alone)
        assert not allowed(call, restricted)


def test_services_may_launch_where_the_subnet_decides() -> None:
    """Node groups of eksctl never say whether they want a public address."""
    policies = documents(["infrastructure", "no-public-ips"])
    interface = ("arn:aws:ec2:us-east-1:123456789012:network-interface/*",)
    by_service = {"aws:ViaAWSService": "true"}
    asking = {**by_service, "ec2:AssociatePublicIpAddress": "true"}

    assert allowed(Call("ec2:RunInstances", interface, by_service, AWS.region), policies)
    assert not allowed(Call("ec2:RunInstances", interface, asking, AWS.region), policies)


def test_options_can_be_combined() -> None:
    """All options together still let the installer launch an instance in the VPC that exists."""
    policies = documents(["infrastructure", *OPTIONS.values()])
    launch = next(call for call in needed("infrastructure") if call.action == "ec2:RunInstances")

    assert allowed(launch, policies)


@pytest.mark.parametrize("location", PARTITIONS.values(), ids=PARTITIONS)
def test_role_boundary_allows_what_a_cluster_needs(location: Location) -> None:
    """What the add-ons of a cluster call stays allowed under the role boundary."""
    layers = [[EVERYTHING], documents(["role-boundary"], location)]
    made = calls_of(load("roles")["allowed"], location)

    assert [str(call) for call in made if not allowed(call, *layers)] == []


@pytest.mark.parametrize("location", PARTITIONS.values(), ids=PARTITIONS)
@pytest.mark.parametrize("cluster", NAMES.values(), ids=NAMES)
def test_role_boundary_gives_no_way_to_more(location: Location, cluster: str) -> None:
    """A role that may do everything can make none of the hostile calls but those that we name."""
    layers = [[EVERYTHING], documents(["role-boundary"], location, EKS_CLUSTER_NAME=cluster)]
    possible = {
        group["it"]
        for group in HOSTILE
        if any(allowed(call, *layers) for call in calls_of([group], location))
    }

    assert possible == set(load("roles")["excepted"])


def test_role_boundary_keeps_to_the_cluster() -> None:
    """With the cluster's name, a role reaches no other cluster, volume, route or log group."""
    layers = [[EVERYTHING], documents(["role-boundary"], EKS_CLUSTER_NAME="staging-0")]
    hostile = calls_of(load("roles")["refused"])

    assert [str(call) for call in hostile if allowed(call, *layers)] == []


def test_nobody_forges_the_tag_of_the_driver() -> None:
    """IAM reads tag keys without regard to case, so no spelling of the tag may be written."""
    policies = documents(entry_documents("eks-bounded"))
    volume = "arn:aws:ec2:us-east-1:123456789012:volume/vol-0a1b2c3d4e5f67890"
    for key in ("ebs.csi.aws.com/cluster", "EBS.CSI.AWS.com/Cluster"):
        forged = Call("ec2:CreateTags", (volume,), {f"aws:RequestTag/{key}": "true"}, AWS.region)
        assert not allowed(forged, policies)
    assert allowed(
        Call("ec2:CreateTags", (volume,), {"aws:RequestTag/Name": "x"}, AWS.region), policies
    )


def test_every_file_of_calls_belongs_to_a_document() -> None:
    """A file whose document is gone would be checked against nothing."""
    used = {document for entry in ENTRIES for document in entry_documents(entry)}

    assert set(ALLOWED) <= used
    assert sorted(path.stem for path in Path(CALLS).glob("*.yaml")) == [
        "options",
        "paths",
        "refused",
        "roles",
    ]
