"""From properties to the desired state, with every problem reported at once."""

from typing import Any

from handler.errors import InvalidPropertiesError, refuse
from handler.model import tags
from handler.model.desired import Desired, Policy
from handler.policies import documents, selection
from handler.policies.catalogue import Catalogue
from handler.properties import rules, schema
from handler.settings import Settings

DEFAULT_GRACE_HOURS = 24
ACTIVE, ON_TIME = "Active", "OnTime"


def desired_state(
    given: dict[str, Any],
    user_name: str,
    stack_name: str,
    trigger: str,
    settings: Settings,
    catalogue: Catalogue,
) -> Desired:
    """What a Create or Update with the properties `given` asks for; raises InvalidPropertiesError.

    `trigger` is what its key is made for.
    """
    problems = list(schema.problems(given))
    properties = {
        name: value
        for name, value in given.items()
        if name in schema.PROPERTIES and schema.allows(name, value)
    }
    secret_name = properties.get("SecretName", settings.secret_prefix + user_name)
    policies: tuple[Policy, ...] = ()
    # An ill-formed one of the two is reported by the schema.
    if not {"PolicyTemplate", "PolicyDocument"} & given.keys() - properties.keys():
        try:
            policies = _policies(properties, user_name, stack_name, settings, catalogue)
        except InvalidPropertiesError as error:
            problems += error.problems
    refuse([*problems, *rules.problems(properties, secret_name, settings)])
    return Desired(
        user_name=user_name,
        policies=policies,
        permissions_boundary=properties.get("PermissionsBoundary", settings.permissions_boundary),
        tags=tags.as_dict(properties.get("Tags", ())),
        secret_name=secret_name,
        kms_key_id=rules.kms_key_id(properties, settings),
        trigger=trigger,
        grace_hours=int(properties.get("PreviousKeyGraceHours", DEFAULT_GRACE_HOURS)),
        active=properties.get("Status", ACTIVE) == ACTIVE,
        on_time=properties.get("RetirePreviousKey") == ON_TIME,
        reader_arns=tuple(properties.get("ReaderArns", ())),
        replica_regions=tuple(properties.get("ReplicaRegions", ())),
        rotation_schedule=properties.get("RotationSchedule"),
    )


def _policies(
    properties: dict[str, Any],
    user_name: str,
    stack_name: str,
    settings: Settings,
    catalogue: Catalogue,
) -> tuple[Policy, ...]:
    """The rendered policies. Each check presumes that the one before found nothing."""
    refuse(selection.problems(properties, catalogue, settings.allow_policy_document))
    chosen = selection.select(properties, catalogue)
    given, location = properties.get("PolicyVariables", {}), settings.location
    used = documents.all_placeholders(chosen)
    refuse(
        [
            *selection.own_document_problems(properties),
            *documents.variable_problems(given, used, catalogue, location),
        ]
    )
    variables = documents.resolve_variables(given, catalogue, location)
    base_name = properties.get("PolicyName", user_name)
    refuse(documents.policy_problems(chosen, variables, base_name))
    return documents.render_policies(chosen, variables, base_name, stack_name)
