"""The DynamoDB table of the template: one item for each resource, with the lease inside it.

API reference of UpdateItem: a condition and the write that it guards are one atomic step.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from handler.errors import LeaseLostError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# How far the clocks of two execution environments may be apart.
SKEW_SECONDS = 10


@dataclass(frozen=True)
class Item:
    """What the table holds of a resource: its record as text, who waits for its lease, who came.

    `last_request` is the request of CloudFormation that took the lease last. `waiting_sent` is when
    CloudFormation sent the request that waits, in seconds since 1970, or 0.
    """

    record: str = ""
    waiting: str = ""
    last_request: str = ""
    waiting_sent: float = 0.0

    @classmethod
    def of(cls, attributes: dict[str, Any]) -> "Item":
        """Read the attributes of an answer."""
        record, waiting, last_request = (
            attributes.get(name, {}).get("S", "") for name in ("Record", "Waiting", "LastRequest")
        )
        sent = float(attributes.get("WaitingSent", {}).get("N", 0))
        return cls(record, waiting, last_request, sent)


@dataclass(frozen=True)
class Entry:
    """One item of the table: its resource, its record as text, and when its lease ends."""

    resource: str
    record: str
    lease_ends: float

    @property
    def leased(self) -> bool:
        """Whether somebody may be at work on the resource."""
        return self.lease_ends >= time.time() - SKEW_SECONDS


def entries(dynamodb: "DynamoDBClient", table_name: str) -> Iterator[Entry]:
    """All items, each as it is when it is read. API reference of Scan."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
    for page in pages:
        for item in page["Items"]:
            yield Entry(
                item["Resource"]["S"],
                item.get("Record", {}).get("S", ""),
                float(item.get("LeaseEnds", {}).get("N", 0)),
            )


class StateTable:
    """The item of one resource. Times are seconds since 1970."""

    def __init__(self, dynamodb: "DynamoDBClient", table_name: str, resource: str) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._key: Any = {"Resource": {"S": resource}}

    def read(self) -> Item | None:
        """The item as it is now; None when there is none."""
        answer = self._dynamodb.get_item(
            TableName=self._table_name, Key=self._key, ConsistentRead=True
        )
        return Item.of(answer["Item"]) if "Item" in answer else None

    def acquire(self, holder: str, until: float, request_id: str | None) -> Item | None:
        """Take the lease if it is free, or ended longer ago than clocks differ; else None.

        Returns the item as it was before. The same write says which request has come, so that it is
        known even if its holder dies at once.
        """
        values: dict[str, str | float] = {
            "holder": holder,
            "until": until,
            "ended": time.time() - SKEW_SECONDS,
        }
        update = "SET LeaseHolder = :holder, LeaseEnds = :until"
        if request_id:
            values["request"] = request_id
            update += ", LastRequest = :request"
        return self._update(
            f"{update} REMOVE Waiting, WaitingSent, ExpiresAt",
            "attribute_not_exists(LeaseHolder) OR LeaseEnds < :ended OR LeaseHolder = :holder",
            values,
            returned="ALL_OLD",
        )

    def announce(self, waiter: str, sent: float) -> None:
        """Say that somebody waits for the lease; it may have become free meanwhile."""
        self._update(
            "SET Waiting = :waiter, WaitingSent = :sent",
            "attribute_exists(LeaseHolder)",
            {"waiter": waiter, "sent": sent},
        )

    def renew(self, holder: str, until: float) -> Item:
        """Keep the lease; raises LeaseLostError."""
        return self._held("SET LeaseEnds = :until", holder=holder, until=until)

    def write(self, holder: str, record: str, until: float) -> Item:
        """Write the record and keep the lease; raises LeaseLostError."""
        return self._held(
            "SET #record = :record, LeaseEnds = :until", holder=holder, record=record, until=until
        )

    def release(self, holder: str, record: str, expires: float | None) -> None:
        """Write the record and give the lease back; raises LeaseLostError.

        With `expires` the item goes after that time.
        """
        update = "SET #record = :record REMOVE LeaseHolder, LeaseEnds, LastRequest"
        if expires is None:
            self._held(update, holder=holder, record=record)
        else:
            expiring = update.replace(" REMOVE", ", ExpiresAt = :expires REMOVE")
            self._held(expiring, holder=holder, record=record, expires=int(expires))

    def discard(self, holder: str) -> None:
        """Delete the item of a resource of which there is nothing to remember."""
        try:
            self._dynamodb.delete_item(
                TableName=self._table_name,
                Key=self._key,
                ConditionExpression="LeaseHolder = :holder",
                ExpressionAttributeValues={":holder": {"S": holder}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            raise LeaseLostError from error

    def _held(self, update: str, **values: str | float) -> Item:
        item = self._update(update, "LeaseHolder = :holder", values)
        if item is None:
            raise LeaseLostError
        return item

    def _update(
        self,
        update: str,
        condition: str,
        values: dict[str, str | float],
        returned: Literal["ALL_NEW", "ALL_OLD"] = "ALL_NEW",
    ) -> Item | None:
        """Update the item under a condition; None when it does not hold."""
        names: Any = {"ExpressionAttributeNames": {"#record": "Record"}}
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table_name,
                Key=self._key,
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues={
                    f":{name}": {"S": value} if isinstance(value, str) else {"N": str(value)}
                    for name, value in values.items()
                },
                ReturnValues=returned,
                **(names if "#record" in update else {}),
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return Item.of(answer.get("Attributes", {}))
