"""What the script of the launch page reads: regions, parameters, variants and their permissions."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from handler.policies.catalogue import CatalogueDocument, load_catalogue
from handler.policies.documents import all_placeholders
from publish import PROJECT
from publish.release import NAME, TEMPLATE, Release, console_url, partition_of

# Fields that few people need are folded; whatever else a variant uses stands in the open.
_LIMITS = ("VpcId", "PublicIps", "AmiOwners", "AllowedCidrs")
_RARE = ("PolicyName", "NodeRoleName", "RotationSchedule", "ReaderArns", "ReplicaRegions")
_PROVIDER_ONLY = {
    "Title": "No user now, only the provider",
    "Description": "Other stacks then make users with Custom::RestrictedIAMUser.",
}


def page_data(release: Release, template: Mapping[str, Any]) -> dict[str, Any]:
    """What the script reads as `DATA`."""
    placeholders = _placeholders(template)
    used = [placeholder["parameter"] for placeholder in placeholders.values()]
    names = dict.fromkeys(("UserName", *used, *_LIMITS, *_RARE))
    catalogue = load_catalogue()
    return {
        "name": NAME,
        "version": release.version,
        "secretPrefix": template["Parameters"]["SecretPrefix"]["Default"],
        "regions": {region: _region(release, region) for region in release.regions},
        "placeholders": placeholders,
        "parameters": {name: _parameter(template, name) for name in names},
        "variants": _variants(template, placeholders),
        "options": {
            placeholders[variable]["parameter"]: _document(name, catalogue.options[variable])
            for variable, name in _policies("catalogue")["Options"].items()
        },
    }


def _policies(name: str) -> dict[str, Any]:
    """A file of `policies/`; the provider reads less of the catalogue than people do."""
    found: dict[str, Any] = json.loads((PROJECT / "policies" / f"{name}.json").read_text())
    return found


def _region(release: Release, region: str) -> dict[str, str]:
    partition = partition_of(region)
    return {
        "console": console_url(region),
        "template": release.url(region, TEMPLATE),
        "partition": partition.name,
        "dnsSuffix": partition.dns_suffix,
    }


def _placeholders(template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """For each placeholder of the policies, the parameter that its value comes from."""
    user = next(
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "Custom::RestrictedIAMUser"
    )
    return {
        placeholder: {
            "parameter": next(
                name for name in _references(value) if name in template["Parameters"]
            ),
            "list": "Fn::Split" in json.dumps(value),
        }
        for placeholder, value in user["PolicyVariables"].items()
    }


def _references(node: Any) -> Iterator[str]:
    """Every name that a `Ref` somewhere inside the node refers to."""
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
    folded = dict.fromkeys(_LIMITS, "limits") | dict.fromkeys(_RARE, "rare")
    return {
        "label": interface["ParameterLabels"][name]["default"],
        "description": definition["Description"],
        "standard": definition["Default"],
        "choices": definition.get("AllowedValues"),
        "pattern": definition.get("AllowedPattern", ".*"),
        "constraint": definition.get("ConstraintDescription", ""),
        "group": folded.get(name, "open"),
    }


def _variants(
    template: Mapping[str, Any], placeholders: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """For each value of PolicyTemplate, what it grants and the parameters that it needs.

    The recommended ones come first, then the dangerous, then that which makes no user.
    """
    entries = _policies("catalogue")["Entries"]
    catalogue = load_catalogue()
    variants = {}
    for name in template["Parameters"]["PolicyTemplate"]["AllowedValues"]:
        documents = catalogue.entries.get(name, ())
        used = all_placeholders(documents)
        mandatory = used - {n for n, v in catalogue.variables.items() if v.default} - {"AWS_REGION"}
        described = entries.get(name, {}) if documents else _PROVIDER_ONLY
        variants[name] = {
            "title": described.get("Title", name),
            "advice": described.get("Advice", ""),
            "description": described.get("Description", ""),
            "administrator": any(
                _is_free(statement)
                for source in documents
                for statement in source.document["Statement"]
            ),
            "parameters": [p["parameter"] for n, p in placeholders.items() if n in used],
            "needed": [p["parameter"] for n, p in placeholders.items() if n in mandatory],
            "documents": [
                _document(*one)
                for one in zip(described.get("Documents", ()), documents, strict=True)
            ],
        }
    order = sorted(variants, key=lambda name: _rank(variants[name]))
    return {name: variants[name] for name in order}


def _rank(variant: Mapping[str, Any]) -> tuple[bool, bool, int]:
    return (not variant["documents"], variant["administrator"], len(variant["advice"]))


def _document(name: str, source: CatalogueDocument) -> dict[str, Any]:
    """A document, and in a sentence what each of its statements is for."""
    return {
        "nameSuffix": source.name_suffix,
        "description": source.description,
        "document": source.document,
        "reasons": _policies("reasons").get(name, {}),
        "administrator": [
            statement["Sid"] for statement in source.document["Statement"] if _is_free(statement)
        ],
    }


def _is_free(statement: Mapping[str, Any]) -> bool:
    """Whether its holder may give a role any policy: no boundary must be on the role."""
    bounded = "iam:PermissionsBoundary" in json.dumps(statement.get("Condition", {}))
    return "iam:PutRolePolicy" in statement["Action"] and not bounded
