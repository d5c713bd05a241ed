"""The settings of the provider: what they may become while users live, and the boundary of these.

Only what was made under other settings is in the way, and a roll-back leads back to where the users
are.
"""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from handler.aws.account import Account
from handler.cloudformation.operation import Operation
from handler.cloudformation.request import PROVIDER_TYPE, Request
from handler.errors import OutOfTimeError, StillServingError, refuse, shown
from handler.lifecycle.living import living, named
from handler.lifecycle.serve import heed
from handler.settings import Settings
from handler.state.memory import Memory, lease
from handler.state.users import KnownUser, known_users


@dataclass(frozen=True)
class Wanted:
    """What the provider is to work with; `policy_template` is empty where it serves all."""

    iam_path: str
    secret_prefix: str
    boundary: str
    policy_template: str

    @classmethod
    def of(cls, request: Request, settings: Settings, operation: Operation) -> "Wanted":
        """Read the properties; what is not given is as the function has it.

        Raises InvalidPropertiesError unless the stack rolls back: then they may be those of another
        version of the template.
        """
        held = {
            "IamPath": settings.iam_path,
            "SecretPrefix": settings.secret_prefix,
            "PermissionsBoundaryArn": settings.permissions_boundary or "",
            "PolicyTemplate": settings.policy_template or "",
        }
        given = {
            name: value
            for name, value in request.properties.items()
            if name in held and isinstance(value, str)
        }
        if operation.forward:
            refuse(
                f"{shown(name)} is not a property of {PROVIDER_TYPE}, or not a text."
                for name in request.properties
                if name not in given
            )
        wanted = held | given
        return cls(
            iam_path=wanted["IamPath"],
            secret_prefix=wanted["SecretPrefix"],
            boundary=wanted["PermissionsBoundaryArn"],
            policy_template=wanted["PolicyTemplate"],
        )


@dataclass(frozen=True)
class Settling:
    """A Create or Update of the provider's own resource that is being served."""

    account: Account
    memory: Memory
    request: Request
    operation: Operation

    def settle(self, wanted: Wanted) -> str:
        """Put the boundary on every user; returns what was done.

        Raises StillServingError for what would strand a living user, unless the stack rolls back.
        """
        users = known_users(self.account, self.request.owner)
        if self.operation.forward:
            self._refuse_to_move(wanted, users)
            self._refuse_to_cut_off(wanted, users)
        reachable = [user for user in users if user.made.iam_path in ("", wanted.iam_path)]
        return self._put_boundary(wanted, reachable)

    def _refuse_to_move(self, wanted: Wanted, users: list[KnownUser]) -> None:
        for name, field in (("IamPath", "iam_path"), ("SecretPrefix", "secret_prefix")):
            value: str = getattr(wanted, field)
            moved = (user for user in users if getattr(user.made, field) not in ("", value))
            if stranded := living(self.account, moved):
                raise StillServingError(
                    f"{name} cannot become {value} while users live that were made under "
                    f"{getattr(stranded[0].made, field)}: {named(stranded)}. The provider could no "
                    f"longer rotate or delete them. Leave {name} as it was, or delete these users "
                    f"first. For another {name}, install a second provider beside this one."
                )

    def _refuse_to_cut_off(self, wanted: Wanted, users: list[KnownUser]) -> None:
        only, here = wanted.policy_template, self.request.owner.stack_id
        others = (
            user
            for user in users
            if only and user.owner.stack_id != here and user.made.policy_template != only
        )
        if stranded := living(self.account, others):
            raise StillServingError(
                f"OnlyPolicyTemplate=true with PolicyTemplate={only} would cut off users of other "
                f"stacks that have other policies: {named(stranded)}. Set "
                "OnlyPolicyTemplate=false, or change or delete these users first."
            )

    def _put_boundary(self, wanted: Wanted, users: list[KnownUser]) -> str:
        for number, user in enumerate(users):
            heed(self.account, self.memory, self.request, self.operation)
            try:
                self.account.deadline.check(f"putting the boundary on user {user.name}")
                self._limit(user, wanted.boundary)
            except (ClientError, OutOfTimeError):
                if self.operation.forward:
                    raise
                # CloudFormation may take the role back later than this resource.
                return (
                    f"{wanted.boundary} could not be put back. These users get it with their next "
                    f"update: {named(users[number:])}."
                )
        return f"{wanted.boundary} is the boundary of {len(users)} users."

    def _limit(self, user: KnownUser, boundary: str) -> None:
        """Put the boundary on a user, in turn with the requests of its resource."""
        account = self.account
        theirs = Memory(account, user.owner, self.request.request_id)
        iam_user = account.user(user.name)
        with lease(theirs):
            state = iam_user.describe()
            known_id = theirs.user(user.name).user_id
            if state and iam_user.is_exact(state) and theirs.owns(state, known_id):
                # The role got this right a moment ago.
                account.deadline.until_settled(
                    lambda: iam_user.limit(state, boundary), "AccessDenied"
                )
