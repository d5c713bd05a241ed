"""From properties to the desired state; pure, and reports every problem at once."""

from typing import Any

from handler.cloudformation.request import Request
from handler.errors import InvalidPropertiesError
from handler.keys.grace import DEFAULT_HOURS
from handler.model import tags
from handler.model.values import Desired, Location, Policy
from handler.policies import documents as policy_documents
from handler.policies.catalogue import Catalogue
from handler.properties import rules as sharing
from handler.properties import schema
from handler.settings import Settings


def desired_state(
    request: Request, settings: Settings, location: Location, catalogue: Catalogue
) -> Desired:
    """What a Create or Update asks for; raises InvalidPropertiesError."""
    problems = schema.problems(request.properties)
    properties = {
        name: value
        for name, value in request.properties.items()
        if name in schema.SCHEMA["properties"]
        and schema.accepts(schema.SCHEMA["properties"][name], value)
    }
    user_name = request.physical_id
    policies = _policies(request, properties, settings, location, catalogue, problems)
    boundary = properties.get("PermissionsBoundary", settings.permissions_boundary)
    if settings.permissions_boundary not in (None, boundary):
        problems.append(
            f"PermissionsBoundary must be {settings.permissions_boundary}, the boundary that the "
            f"provider forces on every user, not {schema.shown(boundary)}."
        )
    secret_name = properties.get("SecretName", settings.secret_prefix + user_name)
    kms_key_id = properties.get("KmsKeyId", settings.kms_key_arn)
    problems += _secret_name_problems(secret_name, settings.secret_prefix)
    problems += sharing.problems(properties, kms_key_id, location)
    if len({tag["Key"].casefold() for tag in properties.get("Tags", ())}) != len(
        properties.get("Tags", ())
    ):
        problems.append("Tags must not name a Key twice; IAM compares keys without regard to case.")
    if problems:
        raise InvalidPropertiesError(problems)
    return Desired(
        user_name=user_name,
        policies=policies,
        permissions_boundary=boundary,
        tags=tags.as_dict(properties.get("Tags", ())),
        secret_name=secret_name,
        kms_key_id=kms_key_id,
        trigger=request.trigger,
        grace_hours=int(properties.get("PreviousKeyGraceHours", DEFAULT_HOURS)),
        reader_arns=tuple(properties.get("ReaderArns", ())),
        replica_regions=tuple(properties.get("ReplicaRegions", ())),
        rotation_schedule=properties.get("RotationSchedule"),
    )


def _policies(
    request: Request,
    properties: dict[str, Any],
    settings: Settings,
    location: Location,
    catalogue: Catalogue,
    problems: list[str],
) -> tuple[Policy, ...]:
    """The rendered policies; adds what is wrong with them to `problems`."""
    if {"PolicyTemplate", "PolicyDocument"} & request.properties.keys() - properties.keys():
        return ()  # Reported by the schema already.
    documents, found = policy_documents.select(
        properties, catalogue, settings.allow_policy_document
    )
    problems += found
    if not documents:
        return ()
    variables, found = policy_documents.resolve_variables(
        properties.get("PolicyVariables", {}),
        policy_documents.all_placeholders(documents),
        catalogue,
        location,
    )
    problems += found
    if found:
        return ()
    policies, found = policy_documents.render_policies(
        documents,
        variables,
        properties.get("PolicyName", request.physical_id),
        request.stack_name,
    )
    problems += found
    return policies


def _secret_name_problems(name: str, prefix: str) -> list[str]:
    allowed = schema.SCHEMA["properties"]["SecretName"]
    if not name.startswith(prefix) or name == prefix:
        return [f"SecretName must begin with {prefix}, not {schema.shown(name)}."]
    if not schema.accepts(allowed, name):
        return [
            f"SecretName must be given, because the default {schema.shown(name)} is not "
            f"{allowed['x-allowed']}."
        ]
    return []
