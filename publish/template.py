"""template.yaml as it is published: plain CloudFormation whose code is where the stack is.

The SAM transform is done here, not by CloudFormation: stack sets with service-managed permissions
refuse templates with transforms (API reference, CreateStackSet, Capabilities), and nobody has to
acknowledge CAPABILITY_AUTO_EXPAND.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import yaml
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from publish.release import Release

_FUNCTION = "AWS::Serverless::Function"
_REPOSITORY_METADATA = "AWS::ServerlessRepo::Application"


def parse_template(text: str) -> dict[str, Any]:
    """A template with `!Ref x` and its like in their long form."""
    template: dict[str, Any] = yaml_parse(text)
    return template


def functions(template: Mapping[str, Any]) -> dict[str, str]:
    """Where the code of each function is, by the function's logical id."""
    return {
        name: resource["Properties"]["CodeUri"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == _FUNCTION
    }


def published_template(built: Mapping[str, Any], release: Release) -> str:
    """What is uploaded, the same for every region."""
    template = deepcopy(dict(built))
    for name in functions(template):
        resource = template["Resources"][name]
        resource.pop("Metadata", None)  # How and where it was built.
        resource["Properties"]["CodeUri"] = {
            "Bucket": {"Fn::Sub": f"{release.prefix}-${{AWS::Region}}"},
            "Key": release.key(f"{name}.zip"),
        }
    template["Metadata"].pop(_REPOSITORY_METADATA, None)
    template["Description"] = f"{template['Description']} Version {release.version}."
    template["Rules"]["PublishedInThisRegion"] = _published_in(release.regions)
    plain = transform(template, {}, _NoManagedPolicies())
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)


def _published_in(regions: tuple[str, ...]) -> dict[str, Any]:
    """Without it a region without code fails halfway, and Lambda does not say why."""
    return {
        "Assertions": [
            {
                "Assert": {"Fn::Contains": [list(regions), {"Ref": "AWS::Region"}]},
                "AssertDescription": f"This version can be launched in {', '.join(regions)}.",
            }
        ]
    }


class _NoManagedPolicies:
    """The SAM translator wants to look up names of managed policies; our roles are written out."""

    def load(self) -> dict[str, str]:
        return {}
