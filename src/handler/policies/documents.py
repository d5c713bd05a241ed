"""The managed policies that the chosen documents become."""

import re
from collections.abc import Iterator

from handler.errors import did_you_mean, shown
from handler.model.desired import Policy
from handler.model.owner import Location
from handler.policies.catalogue import Catalogue, CatalogueDocument, Variable
from handler.policies.placeholders import Variables, placeholders, render

MAXIMUM_CHARACTERS = 6144  # Of a managed policy, white space not counted (IAM quotas).
MAXIMUM_NAME = 128
_OWN_VARIABLE = Variable(
    None,
    "arn:[a-z-]+(:[A-Za-z0-9_+=,.@/-]*){4,}|[A-Za-z0-9_+=,.@/-]+",
    "an ARN, or letters, digits and _+=,.@/-, without wildcards",
)


def built_in_variables(location: Location) -> Variables:
    """The placeholders that need no `PolicyVariables`."""
    return {
        "AWS_ACCOUNT_ID": location.account_id,
        "AWS_PARTITION": location.partition,
        "AWS_DNS_SUFFIX": location.dns_suffix,
        "AWS_REGION": [location.region],
    }


def resolve_variables(given: Variables, catalogue: Catalogue, location: Location) -> Variables:
    """The values of all placeholders: given, built in, or the catalogue's defaults."""
    defaults = {name: v.default for name, v in catalogue.variables.items() if v.default}
    return {**defaults, **built_in_variables(location), **given}


def variable_problems(
    given: Variables, used: set[str], catalogue: Catalogue, location: Location
) -> Iterator[str]:
    """One sentence for each value that is not allowed, not used, or missing."""
    built_in = built_in_variables(location)
    fixed = built_in.keys() - {"AWS_REGION"}  # An installer may work in other regions than ours.
    for name, value in given.items():
        variable = catalogue.variables.get(name, _OWN_VARIABLE)
        values = value if isinstance(value, list) else [value]
        if name in fixed:
            yield f"PolicyVariables must not set {name}, which is built in."
        elif name not in used:
            usable = used - fixed
            yield (
                f"PolicyVariables sets {name}, which none of the policies uses"
                f"{did_you_mean(name, usable)}"
            )
        elif not all(re.fullmatch(variable.pattern, item) for item in values):
            yield f"{name} in PolicyVariables must be {variable.allowed}, not {shown(value)}."
    for name in sorted(used - resolve_variables(given, catalogue, location).keys()):
        yield f"PolicyVariables must give {name}, a placeholder of the policies."


def render_policies(
    documents: tuple[CatalogueDocument, ...], variables: Variables, base_name: str, stack_name: str
) -> tuple[Policy, ...]:
    """The managed policies of documents whose variables have no problems."""
    return tuple(
        Policy(
            base_name + source.name_suffix,
            f"{source.description}. Made by CloudFormation stack {stack_name}.",
            render(source.document, variables),
        )
        for source in documents
    )


def policy_problems(
    documents: tuple[CatalogueDocument, ...], variables: Variables, base_name: str
) -> Iterator[str]:
    """One sentence for each policy that IAM would refuse."""
    for source in documents:
        name = base_name + source.name_suffix
        try:
            (policy,) = render_policies((source,), variables, base_name, "")
        except TypeError as error:
            yield f"{error} in PolicyVariables must be one string where {name} uses it."
            continue
        if len(name) > MAXIMUM_NAME:
            yield f"Policy name {shown(name)} is longer than {MAXIMUM_NAME} characters."
        if (size := characters(policy)) > MAXIMUM_CHARACTERS:
            yield (
                f"Policy {name} has {size} characters without white space; "
                f"IAM allows {MAXIMUM_CHARACTERS}."
            )


def all_placeholders(documents: tuple[CatalogueDocument, ...]) -> set[str]:
    """Names of the placeholders in all of `documents`, and of the variables that chose them."""
    used = {name for source in documents for name in placeholders(source.document)}
    return used | {source.chosen_by for source in documents if source.chosen_by}


def characters(policy: Policy) -> int:
    """Size of a policy document as IAM counts it."""
    return sum(not character.isspace() for character in policy.text)
