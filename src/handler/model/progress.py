"""How far a stack has come, as CloudFormation tells it: sometimes some seconds late."""

from dataclasses import dataclass

# How far each status is in the operation that it belongs to ("Stack status codes" in the User
# Guide). What is not named here ends an operation.
_STEPS = {
    "REVIEW_IN_PROGRESS": 0,
    "CREATE_IN_PROGRESS": 1,
    "UPDATE_IN_PROGRESS": 1,
    "CREATE_FAILED": 2,
    "UPDATE_FAILED": 2,
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": 2,
    "ROLLBACK_IN_PROGRESS": 3,
    "UPDATE_ROLLBACK_IN_PROGRESS": 3,
    "UPDATE_ROLLBACK_FAILED": 3,
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": 4,
    "DELETE_IN_PROGRESS": 6,
    "DELETE_FAILED": 6,
    "DELETE_COMPLETE": 7,
}
_ENDED = 5


@dataclass(frozen=True)
class Progress:
    """The status of a stack, and when its last update began, in ISO 8601; empty before any."""

    status: str = ""
    updated: str = ""

    @property
    def at_work(self) -> bool:
        """Whether the stack is in an operation."""
        return self.status.endswith("_IN_PROGRESS")

    def precedes(self, seen: "Progress") -> bool:
        """Whether this was so before what was seen already: then it is old news."""
        if not seen.status:
            return False
        return (self.updated, self.step) < (seen.updated, seen.step)

    @property
    def step(self) -> int:
        """How far the operation is that the status belongs to."""
        return _STEPS.get(self.status, _ENDED)
