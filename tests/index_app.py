"""Prints, as JSON, what indexing the app finds and which modules it imports; run by `test_conformance.py`."""

import asyncio
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import azure_functions_runtime as runtime

from emulators.functions_host.protos import StatusResult, envelope

ROOT = Path(__file__).resolve().parents[1]


async def main() -> None:
    before = set(sys.modules)
    request = SimpleNamespace(capabilities={}, function_app_directory=str(ROOT))
    answer = await runtime.worker_init_request(envelope(worker_init_request=request))
    if answer.result.status != StatusResult.Success:
        sys.exit(f"{answer.result.exception.stack_trace}\n{answer.result.exception.message}")
    metadata = await runtime.functions_metadata_request(envelope())
    functions = {f.name: [json.loads(raw) for raw in f.raw_bindings] for f in metadata.function_metadata_results}
    for bindings in functions.values():
        bindings[:] = [b for b in bindings if b["direction"].lower() == "in"]
    print(json.dumps({"functions": functions, "modules": sorted(set(sys.modules) - before)}))


asyncio.run(main())
