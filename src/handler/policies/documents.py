"""Which managed policies the properties ask for, rendered; pure, and says all that is wrong."""

import re
from typing import Any

from handler.model.values import Location, Policy
from handler.policies import grammar as own_document
from handler.policies.catalogue import Catalogue, CatalogueDocument, Variable
from handler.policies.placeholders import Variables, placeholders, render
from handler.properties.schema import shown

MAXIMUM_CHARACTERS = 6144  # Of a managed policy, white space not counted (IAM quotas).
MAXIMUM_NAME = 128
_OWN_VARIABLE = Variable(
    None,
    "arn:[a-z-]+(:[A-Za-z0-9_+=,.@/-]*){4,}|[A-Za-z0-9_+=,.@/-]+",
    "an ARN, or letters, digits and _+=,.@/-, without wildcards",
)


def select(
    properties: dict[str, Any], catalogue: Catalogue, allow_own: bool
) -> tuple[tuple[CatalogueDocument, ...], list[str]]:
    """The documents that `PolicyTemplate` or `PolicyDocument` stands for."""
    template: Any = properties.get("PolicyTemplate")
    own: Any = properties.get("PolicyDocument")
    if (template is None) == (own is None):
        return (), ["Exactly one of PolicyTemplate and PolicyDocument is required."]
    if template is not None:
        if template not in catalogue.entries:
            known = ", ".join(catalogue.entries)
            return (), [f"PolicyTemplate must be one of {known}, not {shown(template)}."]
        given = properties.get("PolicyVariables", {})
        options = [option for name, option in catalogue.options.items() if name in given]
        return (*catalogue.entries[template], *options), []
    if not allow_own:
        return (), [
            "PolicyDocument is refused because the provider was installed with "
            "AllowPolicyDocument=false."
        ]
    documents = own if isinstance(own, list) else [own]
    return tuple(
        CatalogueDocument(str(number) if number > 1 else "", "Own policy", document)
        for number, document in enumerate(documents, start=1)
    ), own_document.problems(documents)


def built_in_variables(location: Location) -> Variables:
    """The placeholders that need no `PolicyVariables`."""
    return {
        "AWS_ACCOUNT_ID": location.account_id,
        "AWS_PARTITION": location.partition,
        "AWS_DNS_SUFFIX": location.dns_suffix,
        "AWS_REGION": [location.region],
    }


def resolve_variables(
    given: Variables, used: set[str], catalogue: Catalogue, location: Location
) -> tuple[Variables, list[str]]:
    """A value for each placeholder in `used`: given, built in, or the catalogue's default."""
    built_in = built_in_variables(location)
    fixed = built_in.keys() - {"AWS_REGION"}  # An installer may work in other regions than ours.
    problems = []
    for name, value in given.items():
        variable = catalogue.variables.get(name, _OWN_VARIABLE)
        values = value if isinstance(value, list) else [value]
        if name in fixed:
            problems.append(f"PolicyVariables must not set {name}, which is built in.")
        elif name not in used:
            problems.append(f"PolicyVariables sets {name}, which none of the policies uses.")
        elif not all(re.fullmatch(variable.pattern, item) for item in values):
            problems.append(
                f"{name} in PolicyVariables must be {variable.allowed}, not {shown(value)}."
            )
    defaults = {name: v.default for name, v in catalogue.variables.items() if v.default}
    variables = {**defaults, **built_in, **given}
    problems += [
        f"PolicyVariables must give {name}, a placeholder of the policies."
        for name in sorted(used - variables.keys())
    ]
    return variables, problems


def render_policies(
    documents: tuple[CatalogueDocument, ...], variables: Variables, base_name: str, stack_name: str
) -> tuple[tuple[Policy, ...], list[str]]:
    """The managed policies, and what in them IAM would refuse."""
    policies, problems = [], []
    for source in documents:
        name = base_name + source.name_suffix
        description = f"{source.description}. Made by CloudFormation stack {stack_name}."
        try:
            policy = Policy(name, description, render(source.document, variables))
        except TypeError as error:
            problems.append(f"{error} in PolicyVariables must be one string where {name} uses it.")
            continue
        policies.append(policy)
        if len(name) > MAXIMUM_NAME:
            problems.append(f"Policy name {shown(name)} is longer than {MAXIMUM_NAME} characters.")
        if (size := characters(policy)) > MAXIMUM_CHARACTERS:
            problems.append(
                f"Policy {name} has {size} characters without white space; "
                f"IAM allows {MAXIMUM_CHARACTERS}."
            )
    return tuple(policies), problems


def all_placeholders(documents: tuple[CatalogueDocument, ...]) -> set[str]:
    """Names of the placeholders in all of `documents`, and of the variables that chose them."""
    used = {name for source in documents for name in placeholders(source.document)}
    return used | {source.chosen_by for source in documents if source.chosen_by}


def characters(policy: Policy) -> int:
    """Size of a policy document as IAM counts it."""
    return sum(not character.isspace() for character in policy.text)
