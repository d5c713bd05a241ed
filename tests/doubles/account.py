"""The account of the unit tests: an AWS of moto to start from."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

from moto import mock_aws

from doubles import world
from doubles.aws_calls import LISTENER, Calls

_BOUNDARY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'


@contextmanager
def fresh_aws(calls: Calls) -> Iterator[None]:
    """An AWS with nothing but the boundary and an empty table of the provider's memory in it."""
    with mock_aws():
        world.iam().create_policy(PolicyName="boundary", PolicyDocument=_BOUNDARY)
        world.client("scheduler").create_schedule_group(Name="restricted-iam-user")
        world.client("dynamodb").create_table(
            TableName="state",
            KeySchema=[{"AttributeName": "Resource", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Resource", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        LISTENER.calls = calls
        random.seed(0)  # The functions wait as long each time that a test is run.
        yield
