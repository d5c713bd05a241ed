"""The provider's own resource: what may change under living users, and when the provider may go.

It is a resource of the provider's template that needs the function and that the template's own user
needs. So it hears of a change when the function has its new settings, and of its deletion when that
user is gone and all else is still there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from botocore.exceptions import ClientError

from handler.aws.account import Account
from handler.cloudformation import stack
from handler.cloudformation.operation import Operation
from handler.cloudformation.request import PROVIDER_TYPE, Request
from handler.errors import OutOfTimeError, StackRefusedError, StillServingError, refuse, shown
from handler.lifecycle.serve import answer_once, ask, begin
from handler.model.owner import Owner
from handler.settings import Settings
from handler.state.memory import Memory, lease
from handler.state.record import Answer
from handler.state.users import KnownUser, known_users, named

# More are not looked at: a Reason names ten.
_ENOUGH = 11


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
        return cls(*{**held, **given}.values())


def serve(
    account: Account,
    request: Request,
    tell: Callable[[str], None],
    explain: Callable[[Exception], str],
) -> Answer:
    """Serve a request on the provider's own resource, or repeat the answer that it got."""
    memory = Memory(account, request.owner, request.request_id, is_request=True)

    def work() -> tuple[dict[str, str], str]:
        if request.owner.stack_id != account.settings.provider_stack_id:
            return {}, _answer_stranger(request)
        operation = ask(account, memory.record, request)
        if memory.record.overtaken(request.request_id):
            raise StackRefusedError(
                f"This {request.type} was delivered after another of the same resource; nothing "
                "was touched."
            )
        begin(memory, request, operation)
        if request.type == "Delete":
            return {}, _delete(account, request.owner, operation)
        wanted = Wanted.of(request, account.settings, operation)
        return {}, _Settling(account, memory, request, operation).settle(wanted)

    return answer_once(memory, request, work, tell, explain)


def _answer_stranger(request: Request) -> str:
    """Refuse the resource of another stack, but for the Delete that rolls the refusal back."""
    if request.type != "Delete":
        raise StackRefusedError(
            f"{PROVIDER_TYPE} is for the stack of the provider alone, not for "
            f"{request.owner.stack_name}; nothing was touched."
        )
    return "There was nothing to delete."


def _delete(account: Account, owner: Owner, operation: Operation) -> str:
    """Let the provider go; raises StillServingError while users of other stacks live.

    In an update only this resource goes, with a version of the template that has none.
    """
    if operation.whole_resource_goes:
        others = (
            user for user in known_users(account, owner) if user.owner.stack_id != owner.stack_id
        )
        if users := _living(account, others):
            raise StillServingError(
                f"The provider still serves users of other stacks: {named(users)}. Without it "
                "nobody could rotate or delete them. Delete those stacks first, or take these "
                "resources out of them; then delete this stack again."
            )
    return "The provider may go."


def _living(account: Account, users: Iterator[KnownUser]) -> list[KnownUser]:
    """The users that are there and whose stacks may ask for something yet, as far as needed."""
    return list(islice((user for user in users if _lives(account, user)), _ENOUGH))


def _lives(account: Account, user: KnownUser) -> bool:
    """Whether a user needs the provider; one that its stack has kept does not."""
    if user.made.retained:
        return False
    if user.leased:
        return True
    state = account.user(user.name).describe()
    return (
        state is not None
        and user.owner.identifies(state, user.made.user_id)
        and stack.is_there(account, user.owner)
    )


@dataclass(frozen=True)
class _Settling:
    """A Create or Update of the provider's own resource that is being served."""

    account: Account
    memory: Memory
    request: Request
    operation: Operation

    def settle(self, wanted: Wanted) -> str:
        """Refuse what would strand a living user; else put the boundary on every user.

        A roll-back leads back to where the users are, so it is never refused.
        """
        users = known_users(self.account, self.request.owner)
        if self.operation.forward:
            for problem in self._problems(wanted, users):
                raise StillServingError(problem)
        reachable = [user for user in users if user.made.iam_path in ("", wanted.iam_path)]
        return self._put_boundary(wanted, reachable)

    def _problems(self, wanted: Wanted, users: list[KnownUser]) -> Iterator[str]:
        for name, field in (("IamPath", "iam_path"), ("SecretPrefix", "secret_prefix")):
            value: str = getattr(wanted, field)
            moved = (user for user in users if getattr(user.made, field) not in ("", value))
            if living := _living(self.account, moved):
                yield (
                    f"{name} cannot become {value} while users live that were made under "
                    f"{getattr(living[0].made, field)}: {named(living)}. The provider could no "
                    f"longer rotate or delete them. Leave {name} as it was, or delete these users "
                    f"first. For another {name}, install a second provider beside this one."
                )
        only, here = wanted.policy_template, self.request.owner.stack_id
        cut = (
            user
            for user in users
            if only and user.owner.stack_id != here and user.made.policy_template != only
        )
        if living := _living(self.account, cut):
            yield (
                f"OnlyPolicyTemplate=true with PolicyTemplate={only} would cut off users of other "
                f"stacks that have other policies: {named(living)}. Set OnlyPolicyTemplate=false, "
                "or change or delete these users first."
            )

    def _put_boundary(self, wanted: Wanted, users: list[KnownUser]) -> str:
        for number, user in enumerate(users):
            self._heed()
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

    def _heed(self) -> None:
        """Keep our own lease, and stop when the stack has turned back and its next one waits."""
        self.memory.renew()
        if self.memory.waiting not in ("", self.request.request_id):
            stack.confirm(self.account, self.request, self.operation)

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
