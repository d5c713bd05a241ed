"""What the launch page knows: regions, parameters, and the policies of every variant."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from handler.policies.catalogue import Catalogue, CatalogueDocument
from handler.policies.documents import all_placeholders
from publish.links import console_url
from publish.package import PROJECT
from publish.partition import partition_of
from publish.release import NAME, TEMPLATE, Release

_PROVIDER_ONLY = "No user; installs the provider only, for stacks that embed the resource."


def page_data(
    release: Release, template: Mapping[str, Any], catalogue: Catalogue
) -> dict[str, Any]:
    """Everything that page.js knows."""
    placeholders = _placeholders(template)
    return {
        "name": NAME,
        "version": release.version,
        "regions": {region: _region(release, region) for region in release.regions},
        "placeholders": placeholders,
        "parameters": {
            name: _parameter(template, name)
            for name in ("UserName", "PolicyName", *placeholders.values())
        },
        "variants": _variants(template, catalogue, placeholders),
    }


def _region(release: Release, region: str) -> dict[str, str]:
    partition = partition_of(region)
    return {
        "console": console_url(region),
        "template": release.url(region, TEMPLATE),
        "partition": partition.name,
        "dnsSuffix": partition.dns_suffix,
    }


def _placeholders(template: Mapping[str, Any]) -> dict[str, str]:
    """Which parameter each placeholder of the policies comes from."""
    user = next(
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "Custom::RestrictedIAMUser"
    )
    return {
        placeholder: next(name for name in _references(value) if name in template["Parameters"])
        for placeholder, value in user["PolicyVariables"].items()
    }


def _references(node: Any) -> Iterator[str]:
    match node:
        case {"Ref": name}:
            yield name
        case dict():
            for value in node.values():
                yield from _references(value)
        case list():
            for value in node:
                yield from _references(value)


def _parameter(template: Mapping[str, Any], name: str) -> dict[str, Any]:
    definition = template["Parameters"][name]
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    return {
        "label": interface["ParameterLabels"][name]["default"],
        "description": definition["Description"],
        "standard": definition["Default"],
        "pattern": definition["AllowedPattern"],
        "constraint": definition["ConstraintDescription"],
        "needed": not definition["Default"] and name != "Regions",
    }


def _variants(
    template: Mapping[str, Any], catalogue: Catalogue, placeholders: Mapping[str, str]
) -> dict[str, Any]:
    entries = json.loads((PROJECT / "policies" / "catalogue.json").read_text())["Entries"]
    variants = {}
    for name in template["Parameters"]["PolicyTemplate"]["AllowedValues"]:
        documents = catalogue.entries.get(name, ())
        used = all_placeholders(documents)
        variants[name] = {
            "description": entries.get(name, {"Description": _PROVIDER_ONLY})["Description"],
            "administrator": any(writes_roles_freely(source) for source in documents),
            "parameters": [
                parameter for placeholder, parameter in placeholders.items() if placeholder in used
            ],
            "documents": [
                {
                    "nameSuffix": source.name_suffix,
                    "description": source.description,
                    "document": source.document,
                }
                for source in documents
            ],
        }
    return variants


def writes_roles_freely(source: CatalogueDocument) -> bool:
    """Whether its holder may give a role any policy, unless a boundary must be on the role."""
    return any(
        "iam:PutRolePolicy" in statement["Action"]
        and "iam:PermissionsBoundary" not in json.dumps(statement.get("Condition", {}))
        for statement in source.document["Statement"]
    )
