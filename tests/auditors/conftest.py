"""One account for all auditors of what is deployed."""

from collections.abc import Iterator

import pytest

from support.audited import Account, audited_account


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with audited_account(tmp_path_factory.mktemp("aws")) as furnished:
        yield furnished
