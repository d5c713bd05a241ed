"""What an operation did, and why."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """One thing that was done, for the entry points to log.

    `done` is a word or two, such as `Rotate` or `Put off`; `put_off` counts how often the end of
    the key was put off, and `in_use` says that the key was used of late.
    """

    done: str
    why: str
    user_name: str = ""
    access_key_id: str = ""
    put_off: int = 0
    in_use: bool = False

    def __str__(self) -> str:
        return f"{self.done}: {self.why}"

    @property
    def fields(self) -> dict[str, Any]:
        """What a line of the log carries beside the sentence: whatever is not empty."""
        told = {name: value for name, value in asdict(self).items() if value}
        del told["why"]
        return told
