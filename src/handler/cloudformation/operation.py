"""What CloudFormation is doing with a resource and its stack, and whether a request fits that."""

from dataclasses import dataclass, field

from handler.cloudformation.request import PROVIDER_TYPE, Request
from handler.model.progress import Progress

USER_TYPES = ("Custom::RestrictedIAMUser", "AWS::CloudFormation::CustomResource")
_FORWARD = {
    "Create": frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}),
    "Update": frozenset({"UPDATE_IN_PROGRESS"}),
}
_ROLLING_BACK = frozenset(
    {
        "ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    }
)
# The resource goes as a whole, and with it every user that it ever had.
_WHOLE_RESOURCE_GOES = frozenset(
    {"CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"}
)
_RESOURCE_STATUSES = {
    "Create": frozenset({"CREATE_IN_PROGRESS"}),
    "Update": frozenset({"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"}),
    "Delete": frozenset({"DELETE_IN_PROGRESS"}),
}


@dataclass(frozen=True)
class Resource:
    """What CloudFormation says of one resource; it has no physical id before its first answer."""

    type: str
    status: str
    physical_id: str


@dataclass(frozen=True)
class Operation:
    """What a stack and its root stack are doing, and the tags that a person gave the stack.

    `progress` is empty where there is no such stack, `root` where the stack has no root stack or is
    operated directly. A stack that does not roll back (`DisableRollback`, or Express mode)
    replays its last good template. `resource` is None when CloudFormation does not know it.
    """

    request: Request
    progress: Progress = field(default_factory=Progress)
    tags: dict[str, str] = field(default_factory=dict)
    has_roll_back: bool = True
    root: Progress = field(default_factory=Progress)
    resource: Resource | None = None

    @property
    def status(self) -> str:
        """What the stack is doing."""
        return self.progress.status

    @property
    def forward(self) -> bool:
        """Whether the stack is on its way to what a Create or Update asks for."""
        return self.status in _FORWARD.get(self.request.type, ()) and not self._root_rolls_back

    @property
    def rolling_back(self) -> bool:
        """Whether the stack is on its way back to what there was before an Update."""
        back = self.status == "UPDATE_ROLLBACK_IN_PROGRESS"
        return back or (self.status == "UPDATE_IN_PROGRESS" and self._root_rolls_back)

    @property
    def whole_resource_goes(self) -> bool:
        """Whether a Delete removes the resource and not one user that was replaced."""
        return self.status in _WHOLE_RESOURCE_GOES

    @property
    def takes_back(self) -> bool:
        """Whether a Delete takes back what an Update did."""
        return self.status in _ROLLING_BACK or self._root_rolls_back

    @property
    def invents_ids(self) -> bool:
        """Whether a Delete may carry an id that no answer gave, as after a Create without one."""
        return self.status in _ROLLING_BACK or self.whole_resource_goes

    @property
    def misfit(self) -> str:
        """Why CloudFormation cannot have sent the request, in a sentence; else ""."""
        stack = f"Stack {self.request.owner.stack_name}"
        if not self.status:
            return f"{stack} does not exist"
        if not self.stack_fits:
            return f"{stack} is in {self.status}, which does not ask for a {self.request.type}"
        if self.resource is None:
            return f"{stack} has no resource {self.request.owner.logical_id}"
        return self._misfit_of(self.resource)

    @property
    def doubtful(self) -> bool:
        """Whether it may be what was so some seconds ago.

        CloudFormation deletes what it does not need any more when an update is at its end, and a
        stack does what its root stack does.
        """
        deletes_early = self.request.type == "Delete" and self.status == "UPDATE_IN_PROGRESS"
        return deletes_early or (self.status == "UPDATE_IN_PROGRESS" and self._root_rolls_back)

    @property
    def _root_rolls_back(self) -> bool:
        return self.root.status in _ROLLING_BACK

    @property
    def stack_fits(self) -> bool:
        """Whether the stack may have sent the request, as far as it goes without the resource."""
        if self.request.type == "Delete":
            return self.progress.at_work
        return self.forward or (self.request.type == "Update" and self.rolling_back)

    def _misfit_of(self, resource: Resource) -> str:
        request, name = self.request, f"Resource {self.request.owner.logical_id}"
        if resource.type not in (*USER_TYPES, PROVIDER_TYPE):
            return f"{name} is a {resource.type}, and only {' and '.join(USER_TYPES)} are served"
        if (resource.type == PROVIDER_TYPE) != (request.resource_type == PROVIDER_TYPE):
            return f"{name} is a {resource.type}, which the event does not say"
        if not self._resource_fits(resource):
            return f"{name} is in {resource.status}, which does not ask for a {request.type}"
        known = ("", request.former_physical_id)
        if request.type == "Update" and self.forward and resource.physical_id not in known:
            return f"{name} has another physical id than the one that the request names"
        return ""

    def _resource_fits(self, resource: Resource) -> bool:
        """Whether the resource is in the direction asked for.

        A user that was replaced is deleted while the resource itself, which has another id by then,
        is at rest.
        """
        if resource.status in _RESOURCE_STATUSES[self.request.type]:
            return True
        if self.request.type != "Delete" or self.whole_resource_goes:
            return False
        return resource.physical_id not in ("", self.request.physical_id)
