"""The Cosmos DB stand-in from npm, and what it gets wrong.

`@vercel/cosmosdb-server` 1.0.1 speaks enough of the wire to check the adapter. `DEVIATIONS` names every
contract test that it fails, and why; those tests are strict expected failures, so a stand-in that learns
better is noticed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from emulators.with_parent import node, parent_pipe

ROOT = Path(__file__).parents[3]
CLI = "@vercel/cosmosdb-server/lib/cli.js"

KEY = "c3RhbmQtaW4="
"""Base64, as the SDK signs with it; the stand-in checks no signature."""

_MISSING = "a point read of a missing item is a 500 or 400 instead of 404"

DEVIATIONS: dict[str, str] = {
    "test_point_read_of_a_missing_item": _MISSING,
    "test_find_of_a_missing_item": _MISSING,
    "test_read_from_another_partition": _MISSING,
    "test_items_expire": "ttl is ignored",
    "test_patch_beyond_two_megabytes": "items have no size limit",
    "test_a_missing_parent_is_refused": "a patch below a missing parent writes into the grandparent",
    "test_predicate_is_asked_of_this_partition": "a predicate is asked of the same id in every partition",
    "test_every_operation": "a batch takes no patch, and an upsert in a batch is a 500",
    "test_nothing_is_written_if_the_last_operation_fails": "a batch is not atomic",
    "test_causes": "a batch takes no patch and is not atomic",
}


def installed() -> Path | None:
    """The stand-in's command, in the repository's node_modules or a folder of `NODE_PATH`."""
    folders = [ROOT / "node_modules", *map(Path, filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)))]
    return next((folder / CLI for folder in folders if (folder / CLI).exists()), None)


@contextmanager
def running(cli: Path) -> Generator[str]:
    """Start it on a free port; yields its endpoint."""
    process = subprocess.Popen(
        node(str(cli), "-p", "0", "--host", "127.0.0.1", "--no-ssl"),
        stdin=parent_pipe(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ":" in ready, "the stand-in did not start"
        yield f"http://127.0.0.1:{ready.rsplit(':', 1)[1].strip()}"
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
