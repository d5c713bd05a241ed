"""The lease of one resource, and the record that only its holder may read and write.

A request, a step of a scheduled rotation and the end of a grace each hold the lease while they
work. It is short, renewed by use, and ends by itself when its holder dies: Lambda's request id
cannot tell a retry after a crash from a twin.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handler.aws.account import Account
from handler.aws.clients import BEFORE_CHANGE
from handler.errors import LeaseLostError, StillBusyError, UnrememberedError
from handler.model.owner import Identified, Owner
from handler.state.made import MadeUser
from handler.state.record import Record, is_before
from handler.state.table import Item, StateTable

LEASE_SECONDS = 60.0
# With less left, a change that begins now may have its effect after the lease has ended: one try
# of a call takes 13 s at most.
_LEAST_SECONDS = 25.0
_PAUSE_SECONDS = 3.0
# With less left after waiting for another request, it is better to come again.
_LEAST_TO_SERVE_SECONDS = 30.0
# Longer than CloudFormation and Lambda deliver a request again.
_TOMBSTONE_SECONDS = 7 * 24 * 3600.0


class Memory:
    """What is remembered of one resource, while its lease is held.

    Changes of `record` are written by `save` and by `close`, whichever comes first.
    """

    record: Record

    def __init__(
        self,
        account: Account,
        owner: Owner,
        waiter: str,
        *,
        is_request: bool = False,
        sent: float = 0.0,
    ) -> None:
        """`waiter` says who wants the lease, for its holder to hear.

        Of a request that is to be remembered it is the id, and `sent` when CloudFormation sent it,
        in seconds since 1970.
        """
        resource = f"{owner.stack_id}#{owner.logical_id}"
        table_name = account.settings.state_table
        self.owner = owner
        self._table = StateTable(account.clients.dynamodb, table_name, resource)
        self._deadline = account.deadline
        self._waiter = waiter
        self._sent = sent
        self._request_id = waiter if is_request else None
        self._holder = str(uuid.uuid4())
        self._ends = 0.0
        self._waiting, self._waiting_sent = "", 0.0

    def peek(self) -> Record:
        """The record as it is, without the lease: good for what never changes."""
        item = self._table.read()
        return Record.parse(item.record) if item and item.record else Record()

    def open(self) -> None:
        """Wait for the lease and read the record.

        Raises StillBusyError when the time of the invocation runs out before the lease is free.
        """
        try:
            item = self._wait_for_lease()
        except BotoCoreError as error:
            raise UnrememberedError from error
        self.record = self._saved = Record.parse(item.record) if item.record else Record()
        if self._request_id and item.last_request not in ("", self._request_id):
            self.record = self.record.begun(item.last_request)
        self._heed_before = self._deadline.heed
        self._deadline.heed = self.hold  # No waiting outlasts the lease.

    def _wait_for_lease(self) -> Item:
        while not (item := self._extend(self._acquire)):
            if self._deadline.seconds_left() < _LEAST_TO_SERVE_SECONDS:
                raise StillBusyError
            self._table.announce(self._waiter, self._sent)
            self._deadline.pause(_PAUSE_SECONDS * random.uniform(0.5, 1.0))  # noqa: S311 - jitter # nosec B311
        return item

    def hold(self) -> None:
        """Make sure of the lease before a change; raises LeaseLostError."""
        for _ in range(2):  # The first renewal may have waited for the table.
            if self._ends - time.time() >= _LEAST_SECONDS:
                return
            self.renew()
        if self._ends - time.time() < _LEAST_SECONDS:
            raise LeaseLostError  # Both renewals were so slow.

    def renew(self) -> None:
        """Keep the lease, and see who waits for it; raises LeaseLostError."""
        self._extend(lambda until: self._table.renew(self._holder, until))

    def save(self) -> None:
        """Write the record, before what it announces is done; raises LeaseLostError."""
        text = str(self.record)
        self._extend(lambda until: self._table.write(self._holder, text, until))
        self._saved = self.record

    @property
    def others_wait(self) -> bool:
        """Whether somebody else waited for the lease when the table was asked last."""
        return self._waiting not in ("", self._waiter)

    @property
    def later_waits(self) -> bool:
        """Whether it was a request that was sent after this one."""
        return self.others_wait and is_before(self._sent, self._waiting_sent)

    def announce(self, user_name: str) -> None:
        """Write the record unless the table has of the user what it must hold before a change."""
        if self.user(user_name).announced != self._saved.user(user_name).announced:
            self.save()

    def close(self) -> None:
        """Write the record and give the lease back; raises LeaseLostError or UnrememberedError.

        The record of a resource that is gone expires; one with nothing in it goes at once.
        """
        self._deadline.heed = self._heed_before
        try:
            self._close()
        except (ClientError, BotoCoreError) as error:
            raise UnrememberedError from error

    def owns(self, state: Identified, known_id: str) -> bool:
        """Whether what AWS describes is ours: by the id that we remember, else by its tags."""
        return self.owner.identifies(state, known_id)

    def user(self, user_name: str) -> MadeUser:
        """What is remembered of a user."""
        return self.record.user(user_name)

    def note(self, user_name: str, **changes: Any) -> None:
        """Remember something of a user, at the next `save` or `close`."""
        self.record = self.record.with_user(user_name, replace(self.user(user_name), **changes))

    def _acquire(self, until: float) -> Item | None:
        return self._table.acquire(self._holder, until, self._request_id)

    def _close(self) -> None:
        text = "" if self.record == Record() else str(self.record)
        expires = None if self.record.users else time.time() + _TOMBSTONE_SECONDS
        try:
            if text:
                self._table.release(self._holder, text, expires)
            else:
                self._table.discard(self._holder)
        except LeaseLostError:
            # The answer was lost, perhaps, and the call was repeated.
            item = self._table.read() or Item()
            if item.record != text:
                raise

    def _extend(self, call: Callable[[float], Item | None]) -> Item | None:
        until = time.time() + LEASE_SECONDS
        item = call(until)
        if item:
            self._ends = until
            self._waiting, self._waiting_sent = item.waiting, item.waiting_sent
        return item


@contextmanager
def lease(memory: Memory) -> Iterator[None]:
    """Hold the lease of a resource, check it before every change, and write the record at the end.

    Raises StillBusyError when the lease did not become free in time, LeaseLostError when it ended
    too early, and UnrememberedError when the table may not have taken the record.
    """
    memory.open()
    checked = BEFORE_CHANGE.set(memory.hold)
    try:
        yield
    except LeaseLostError:
        raise
    except Exception:
        memory.close()
        raise
    finally:
        BEFORE_CHANGE.reset(checked)
    memory.close()
