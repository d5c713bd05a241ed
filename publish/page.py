"""The launch page: one HTML file that loads nothing, with the policies of its version inside."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handler.policies.catalogue import CatalogueDocument, load_catalogue
from handler.policies.documents import all_placeholders
from publish import PROJECT
from publish.release import NAME, TEMPLATE, Release, console_url, partition_of

_PARTS = Path(__file__).parent / "page_parts"
_PROVIDER_ONLY = "No user; installs the provider only, for stacks that embed the resource."


def launch_page(release: Release, template: Mapping[str, Any]) -> str:
    """The page for a version and its template (with `Fn::` in their long form)."""
    style = (_PARTS / "page.css").read_text()
    script = "\n".join(part.read_text() for part in sorted(_PARTS.glob("*.js")))
    contents = {
        # Nothing but this very style and script runs, and nothing is loaded or sent.
        "policy": f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        "style": style,
        "data": json.dumps(_data(release, template)).replace("<", "\\u003c"),
        "script": script,
    }
    page = (_PARTS / "page.html").read_text()
    for name, text in contents.items():
        page = page.replace(f"{{{{{name}}}}}", text)
    return page


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(release: Release, template: Mapping[str, Any]) -> dict[str, Any]:
    """What the script reads as `DATA`."""
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
        "variants": _variants(template, placeholders),
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
    """For each placeholder of the policies, the parameter that its value comes from."""
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
    return {
        "label": interface["ParameterLabels"][name]["default"],
        "description": definition["Description"],
        "standard": definition["Default"],
        "pattern": definition["AllowedPattern"],
        "constraint": definition["ConstraintDescription"],
        "needed": not definition["Default"] and name != "Regions",
    }


def _variants(template: Mapping[str, Any], placeholders: Mapping[str, str]) -> dict[str, Any]:
    """For each value of PolicyTemplate, what it grants and the parameters that it needs."""
    entries = json.loads((PROJECT / "policies" / "catalogue.json").read_text())["Entries"]
    variants = {}
    for name in template["Parameters"]["PolicyTemplate"]["AllowedValues"]:
        documents = load_catalogue().entries.get(name, ())
        used = all_placeholders(documents)
        variants[name] = {
            "description": entries.get(name, {"Description": _PROVIDER_ONLY})["Description"],
            "administrator": any(_writes_roles_freely(source) for source in documents),
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


def _writes_roles_freely(source: CatalogueDocument) -> bool:
    """Whether its holder may give a role any policy, unless a boundary must be on the role."""
    return any(
        "iam:PutRolePolicy" in statement["Action"]
        and "iam:PermissionsBoundary" not in json.dumps(statement.get("Condition", {}))
        for statement in source.document["Statement"]
    )
