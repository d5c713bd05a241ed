"""The calls of every operation, as tests/lifecycle/calls.txt has them, against what is allowed."""

from bench.table import Row, markdown
from support.operations import Operation

# To AWS and to the table; None where nothing was promised.
AT_MOST: dict[str, tuple[int, int] | None] = {
    "Create vanilla": (13, 4),
    "Create eks": (17, 4),
    "Update of Serial": (13, 4),
    "Update of Tags": (10, 3),
    "An answered event again": (0, 2),
    "Delete vanilla": (15, 3),
    "Delete eks": (19, 3),
    "A repeated Delete": (3, 3),
    "Update from vanilla to eks": None,
    "Scheduled rotation, all four steps": None,
    "End of a replaced key's grace": None,
}


def rows(operations: list[Operation]) -> list[Row]:
    """Lines of the one table."""
    found = {operation.name: operation for operation in operations}
    return [_row(found[name], most) for name, most in AT_MOST.items()]


def _row(operation: Operation, most: tuple[int, int] | None) -> Row:
    def text(to_aws: int, to_table: int) -> str:
        return f"{to_aws} + {to_table}"

    what = f"{operation.name}: calls, + to the table"
    measured = text(operation.to_aws, operation.to_table)
    if most is None:
        return Row(what, measured)
    within = operation.to_aws <= most[0] and operation.to_table <= most[1]
    return Row(what, measured, text(*most), within)


def by_service(operations: list[Operation]) -> str:
    """A column for each service."""
    services = sorted({service for one in operations for service in one.by_service})
    return markdown(
        ("", *services),
        [
            (one.name, *(str(one.by_service.get(service, "")) for service in services))
            for one in operations
        ],
    )
