"""What one logical partition of the Cosmos DB emulator costs does not grow with the others."""

from __future__ import annotations

from emulators.cosmos.database import Database, Row

PER_PARTITION = 5


def steps(partitions: int) -> dict[str, int]:
    """Steps of SQLite's machine for a query of one partition, its second page, that of two partitions, a read."""
    data = Database(None)
    with data.transaction():
        for number in range(partitions * PER_PARTITION):
            key = number % partitions
            data.put("c", Row(f"[{key}]", str(number), f"{key:032X}", f"{number:08}", number, "e", 0.0, None, "{}"))
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    data._connection.set_progress_handler(count, 1)
    found: dict[str, int] = {}
    for name, act in {
        "query": lambda: list(data.scan("c", f"{3:032X}", "", partition="[3]")),
        "page": lambda: list(data.scan("c", f"{3:032X}", "", partition="[3]", after=(f"{3:032X}", "00000003"))),
        "range": lambda: list(data.scan("c", f"{3:032X}", f"{5:032X}", after=(f"{3:032X}", "00000003"))),
        "read": lambda: data.find("c", "[3]", "3"),
    }.items():
        counted = 0
        assert act()
        found[name] = counted
    data.close()
    return found


def test_a_partition_costs_the_same_among_ten_times_as_many() -> None:
    assert steps(100) == steps(10)
