"""docs/policies.md and the example of a role boundary say what the documents say."""

import re

from docs.build.policy_reference import REFERENCE, reference
from handler.policies.placeholders import Variables
from support.permissions import DOCUMENTS, MANIFEST, PARTITIONS, permissions, rendered
from support.templates import load, resolved


def test_reference_is_up_to_date() -> None:
    """docs/policies.md is what `make docs` would write."""
    text = REFERENCE.read_text()

    assert reference(text) == text, "Run `make docs`."


def test_reference_says_every_statement() -> None:
    """No document, statement, action or reason is missing from the page."""
    text = REFERENCE.read_text()
    for document in DOCUMENTS:
        section = text.split(f"### {document}\n")[1].split("\n### ")[0]
        for found in permissions(document):
            assert f"**{found.sid}**" in section
            assert found.why in section
            assert [action for action in found.actions if f"`{action}`" not in section] == []


def test_reference_admits_that_eks_is_administrator() -> None:
    """The plain form's weakness is said at the top, and in its row of the escalation table."""
    text = REFERENCE.read_text()

    assert "**The plain `eks` form is equal to administrator.**" in text[:1000]
    assert "| **open: equal to administrator** | closed | closed |" in text
    assert "become administrator" in MANIFEST["Entries"]["eks"]["Description"]


def test_links_of_the_reference_lead_somewhere() -> None:
    """Links to files and headings are not broken."""
    text = REFERENCE.read_text()
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    headings = {f"#{title.lower().replace(' ', '-')}" for title in titles}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert link in headings or (REFERENCE.parent / link).exists(), link


def test_role_boundary_example_is_the_document() -> None:
    """examples/role-boundary.yaml makes the policy that policies/role-boundary.json says."""
    regions = ["eu-west-1", "eu-central-1"]
    given: Variables = {"AWS_REGION": regions, "EKS_CLUSTER_NAME": "staging-0"}
    (policy,) = rendered(["role-boundary"], PARTITIONS["aws"], given)
    properties = load("examples/role-boundary.yaml")["Resources"]["RoleBoundary"]["Properties"]
    values = {
        "AWS::Partition": "aws",
        "AWS::AccountId": "123456789012",
        "Regions": regions,
        "EksClusterName": "staging-0",
    }

    assert resolved(properties["PolicyDocument"], values) == policy.document
