"""template.yaml as it is published: plain CloudFormation whose code is where the stack is.

The SAM transform is done here, not by CloudFormation: stack sets with service-managed permissions
refuse templates with transforms (API reference, CreateStackSet, Capabilities), and nobody has to
acknowledge CAPABILITY_AUTO_EXPAND.
"""

import logging
import os
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
    regions = ", ".join(release.regions)
    for name in functions(template):
        resource = template["Resources"][name]
        resource.pop("Metadata", None)  # How and where it was built.
        resource["Properties"]["CodeUri"] = {
            "Bucket": {"Fn::Sub": release.bucket("${AWS::Region}")},
            "Key": release.key(f"{name}.zip"),
        }
    template["Metadata"].pop(_REPOSITORY_METADATA, None)
    template["Description"] = f"{template['Description']} Version {release.version}."
    # Without this rule a launch in another region fails halfway, and Lambda does not say why.
    template["Rules"]["PublishedInThisRegion"] = {
        "Assertions": [
            {
                "Assert": {"Fn::Contains": [list(release.regions), {"Ref": "AWS::Region"}]},
                "AssertDescription": f"This version can be launched in {regions}.",
            }
        ]
    }
    # The SAM translator warns of its own metrics. It asks for a region, and uses it for nothing
    # that we have.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    os.environ.setdefault("AWS_DEFAULT_REGION", release.regions[0])
    plain = transform(template, {}, _NoManagedPolicies())
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)


class _NoManagedPolicies:
    """The SAM translator wants to look up names of managed policies; our roles are written out."""

    def load(self) -> dict[str, str]:
        return {}
