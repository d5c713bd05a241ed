"""The form of the documents in `policies/`: names, scopes, conditions, sizes; by AWS's tables."""

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from doubles import world
from doubles.fake_cloudformation import Stack
from handler.model.owner import Location
from handler.policies.catalogue import load_catalogue, read_catalogue
from handler.policies.documents import MAXIMUM_CHARACTERS, built_in_variables, characters
from handler.policies.placeholders import Variables, placeholders
from support.permissions import (
    DOCUMENTS,
    LONG_NAMES,
    MANIFEST,
    PARTITIONS,
    POLICIES,
    REASONS,
    Permission,
    action_data,
    entry_documents,
    entry_permissions,
    example_values,
    permissions,
    read,
    rendered,
    resource_pattern,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # It leaves files open, and escapes what needs no escape.
    from parliament import analyze_policy_string

ENTRIES = list(MANIFEST["Entries"])
# AWS's own managed policies of nodes and add-ons, which the ceiling must not cut, use wildcards.
CEILINGS = ["role-boundary"]
# AWS's table has no resource type for CreateCluster, yet it is evaluated with the cluster's ARN, as
# in the example policies of the EKS User Guide.
WITHOUT_TYPE = {"eks:CreateCluster": "cluster"}
# What parliament finds, and why it stays.
ACCEPTED_FINDINGS = {
    # DescribeVpcAttribute could be limited to VPCs, but not to those that do not exist yet.
    ("infrastructure", "RESOURCE_STAR"),
    # It follows the table that has no resource type for eks:CreateCluster; see WITHOUT_TYPE.
    ("cluster", "RESOURCE_MISMATCH"),
    # A boundary is compared with StringEquals, as the IAM User Guide does, and is an ARN.
    ("iam-bounded", "MISMATCHED_TYPE_BUT_USABLE"),
    # It looks for aws:ViaAWSService among the keys of the action; AWS sends it with every request.
    ("no-public-ips", "UNKNOWN_CONDITION_FOR_ACTION"),
    # Interfaces, groups and load balancers of a cluster carry no tag that an add-on always sets.
    ("role-boundary", "RESOURCE_STAR"),
    # What an action makes and what it is made from stand in two statements, with conditions each.
    ("role-boundary", "RESOURCE_MISMATCH"),
}


def granted(document: str) -> list[Permission]:
    return [found for found in permissions(document) if found.effect == "Allow"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_actions_exist_and_are_named(document: str) -> None:
    """Every action is in AWS's tables, letter by letter; only a Deny or a ceiling has wildcards."""
    for found in permissions(document):
        for action in found.actions:
            if found.effect == "Allow" and document not in CEILINGS:
                assert "*" not in action
            if "*" not in action:
                assert action_data(action)["privilege"] == action.split(":")[1]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_sids_are_unique_and_every_one_has_its_reason(document: str) -> None:
    """A Sid of letters and digits says which statement is meant; reasons are for all or none."""
    sids = [found.sid for found in permissions(document)]

    assert len(set(sids)) == len(sids)
    assert all(sid.isalnum() for sid in sids)
    assert list(REASONS.get(document, sids)) == sids


def test_sids_of_an_entry_are_unique() -> None:
    """The Sid alone says which statement of a user's policies is meant."""
    for entry in ENTRIES:
        sids = [found.sid for found in entry_permissions(entry)]
        assert len(set(sids)) == len(sids)


def resource_types(action: str) -> dict[str, bool]:
    """The resource types of an action, and whether AWS requires each."""
    types = action_data(action)["resource_types"]
    found = {name: bool(fields["required"]) for name, fields in types.items() if name}
    return found or {WITHOUT_TYPE[action]: True} if action in WITHOUT_TYPE else found


def fits(resource: str, action: str, resource_type: str) -> bool:
    """Whether an ARN with wildcards and placeholders can be of the type.

    Either may be the more exact one: `role/eksctl-*` is a role, and `access-entry/x/*` is what AWS
    writes with four more parts.
    """
    pattern = resource_pattern(action, resource_type)
    wide = re.sub(r"\$[A-Z_]+", "*", resource)
    sample = pattern.replace(".*", "x").replace("\\", "")
    return (
        re.fullmatch(pattern, wide.replace("*", "x")) is not None
        or re.fullmatch(re.escape(wide).replace(r"\*", ".*"), sample) is not None
    )


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name not in CEILINGS])
def test_resources_fit_the_actions(document: str) -> None:
    """An action without resource level has `*`; each other has a resource of one of its types."""
    for found in granted(document):
        for action in found.actions:
            types = resource_types(action)
            if not types:
                assert found.resources == ("*",), action
            assert not types or any(
                fits(resource, action, name) for resource in found.resources for name in types
            ), action
        for resource in found.resources:
            assert resource == "*" or any(
                fits(resource, action, name)
                for action in found.actions
                for name in resource_types(action)
            ), resource


@pytest.mark.parametrize("entry", ENTRIES)
def test_required_resources_are_covered(entry: str) -> None:
    """For each action, an entry names every resource type that AWS requires."""
    allowing = [found for found in entry_permissions(entry) if found.effect == "Allow"]
    for action in {action for found in allowing for action in found.actions}:
        resources = [r for found in allowing if action in found.actions for r in found.resources]
        for name, required in resource_types(action).items():
            covered = any(fits(resource, action, name) for resource in resources)
            assert covered or not required, (action, name)


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name not in CEILINGS])
def test_condition_keys_are_known_to_the_actions(document: str) -> None:
    """A key that an action does not know is absent from the request, and the condition is void."""
    for found in permissions(document):
        keys = {key for of in found.conditions.values() for key in of}
        for action in found.actions:
            if action == "*":
                assert all(key.startswith("aws:") for key in keys)
                continue
            known = {
                key
                for fields in action_data(action)["resource_types"].values()
                for key in fields["condition_keys"]
            }
            assert {key for key in keys if not key.startswith("aws:")} <= known, action


def test_roles_are_passed_to_named_services_only() -> None:
    """PassRole always says to whom, and CreateServiceLinkedRole for which service."""
    keys = {
        "iam:PassRole": "iam:PassedToService",
        "iam:CreateServiceLinkedRole": "iam:AWSServiceName",
    }
    for document in DOCUMENTS:
        for found in granted(document):
            for action in set(found.actions) & keys.keys():
                assert keys[action] in found.conditions["StringEquals"]
                assert "*" not in found.resources


def test_regions_are_pinned() -> None:
    """Every grant outside IAM is for the given regions only."""
    for document in DOCUMENTS:
        for found in granted(document):
            if {action.split(":")[0] for action in found.actions} != {"iam"}:
                assert found.conditions["StringEquals"]["aws:RequestedRegion"] == ("$AWS_REGION",)


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("location", PARTITIONS.values(), ids=PARTITIONS)
def test_documents_fit_in_every_partition(document: str, location: Location) -> None:
    """With long names and four regions, every document is below IAM's limit and names no other."""
    values: Variables = {**example_values(location), **LONG_NAMES}
    (policy,) = rendered([document], location, values)

    assert characters(policy) < MAXIMUM_CHARACTERS
    assert placeholders(policy.document) == set()
    partitions = set(re.findall(r"arn:([a-z-]+):", policy.text))
    assert partitions <= {location.partition, "aws-us-gov"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_parliament_finds_nothing_unexplained(document: str) -> None:
    """Parliament's findings are those that ACCEPTED_FINDINGS explains, and all of those."""
    location = PARTITIONS["aws"]
    (policy,) = rendered([document], location, example_values(location))
    findings = {finding.issue for finding in analyze_policy_string(policy.text).findings}

    assert findings == {issue for name, issue in ACCEPTED_FINDINGS if name == document}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_placeholders_are_known(document: str) -> None:
    """Every placeholder is built in or described in the manifest."""
    built_in = built_in_variables(PARTITIONS["aws"]).keys()

    assert placeholders(read(document)) <= built_in | load_catalogue().variables.keys()


def test_examples_are_allowed() -> None:
    """The example of each variable passes the variable's own pattern."""
    for fields in MANIFEST["Variables"].values():
        assert re.fullmatch(fields["Pattern"], fields["Example"])


def test_every_document_is_used() -> None:
    """A document belongs to an entry or an option, or is a ceiling."""
    used = {document for entry in ENTRIES for document in entry_documents(entry)}

    assert used | set(MANIFEST["Options"].values()) | set(CEILINGS) == set(DOCUMENTS)


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """policies/ with one file and one line more."""
    manifest = json.loads((POLICIES / "catalogue.json").read_text())
    manifest["Entries"]["backup"] = {"Documents": ["infrastructure", "nightly-backup"]}
    for path in POLICIES.glob("*.json"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "catalogue.json").write_text(json.dumps(manifest))
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Snapshots",
                "Effect": "Allow",
                "Action": "ec2:CreateSnapshot",
                "Resource": "arn:$AWS_PARTITION:ec2:*::snapshot/*",
            }
        ],
    }
    (tmp_path / "nightly-backup.json").write_text(json.dumps(document))
    monkeypatch.setattr("handler.app.load_catalogue", lambda: read_catalogue(tmp_path))
    return document


def test_a_variant_is_a_file_and_a_line(stack: Stack, newcomer: dict[str, Any]) -> None:
    """An entry of the manifest and its document are all that a new variant takes."""
    answer = stack.create(UserName="Provazio", PolicyTemplate="backup", Serial="1")

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.attached() == ["Provazio", "ProvazioNightlyBackup"]
    made = world.policy_document("ProvazioNightlyBackup")["Statement"][0]
    assert made["Resource"] == "arn:aws:ec2:*::snapshot/*"
