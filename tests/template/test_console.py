"""What the CloudFormation console shows of template.yaml leads through it."""

import re
from collections import Counter

import pytest

from support.templates import load

TEMPLATE = load("template.yaml")
INTERFACE = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
PARAMETERS = TEMPLATE["Parameters"]
FREE_TEXT = [name for name, definition in PARAMETERS.items() if "AllowedPattern" in definition]


def test_every_parameter_is_in_one_group_and_has_a_label() -> None:
    """The console shows what is in no group at the end, without order or a readable name."""
    grouped = Counter(
        name for group in INTERFACE["ParameterGroups"] for name in group["Parameters"]
    )

    assert grouped == Counter(PARAMETERS.keys())
    assert INTERFACE["ParameterLabels"].keys() == PARAMETERS.keys()


@pytest.mark.parametrize("name", FREE_TEXT)
def test_free_text_is_explained(name: str) -> None:
    """Where one may type anything there is an example, and the refusal says what is allowed."""
    definition = PARAMETERS[name]

    assert re.search("such as|for example", definition["Description"])
    assert definition["ConstraintDescription"].startswith("must ")


@pytest.mark.parametrize(
    "name", [name for name in FREE_TEXT if "such as " in PARAMETERS[name]["Description"]]
)
def test_examples_are_allowed(name: str) -> None:
    """An example that the template refuses teaches the wrong thing."""
    definition = PARAMETERS[name]
    for text in (definition["Description"], definition["ConstraintDescription"]):
        for example in re.findall(r"such as ([^ ]+?)(?:[.,]? |[.,]?$)", text):
            assert re.fullmatch(definition["AllowedPattern"], example), example


def test_next_step_is_an_output() -> None:
    """Whoever has launched the stack reads in its outputs how to read the credentials."""
    value = TEMPLATE["Outputs"]["ReadCredentials"]["Value"]["Fn::Sub"]

    assert value.startswith("aws secretsmanager get-secret-value ")
    assert "\n" not in value
