"""One cold start, run as a script: index the app with Microsoft's worker library, make one call, print what it cost.

    python _cold_process.py APP_DIRECTORY CALL_FILE

The call file is JSON: `function`, and `http` (method, url, headers, body) or `message`. Nothing of this repository is
imported but the app itself. Prints `{indexed_ms, answered_ms, cpu_ms, status, body, modules}`; times count from
`STARTED`, the monotonic clock of the parent when it started this process.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import types
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime

runtime: Any = azure_functions_runtime


class _Message:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def WhichOneof(self, _oneof: str) -> str | None:
        return next(iter(self.__dict__), None)


class _Protos(types.ModuleType):
    """Stands in for the protobuf module: any class may be asked for."""

    def __getattr__(self, name: str) -> type[_Message]:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (_Message,), {})
        setattr(self, name, made)
        return made


def _protos() -> Any:
    protos: Any = _Protos("protos")
    kinds = {"undefined": 0, "string": 1, "binary": 2, "stream": 3, "in_": 0, "out": 1, "inout": 2}
    protos.BindingInfo = type("BindingInfo", (_Message,), kinds)
    protos.StatusResult = type("StatusResult", (_Message,), {"Failure": 0, "Success": 1})
    same_site = SimpleNamespace(Lax=1, Strict=2, ExplicitNone=3)
    protos.RpcHttpCookie = type("RpcHttpCookie", (_Message,), {"SameSite": same_site})
    return protos


PROTOS: Any = _protos()


def _envelope(**body: Any) -> SimpleNamespace:
    return SimpleNamespace(request=SimpleNamespace(**body), properties={"host": "127.0.0.1", "protos": PROTOS})


def _data(_oneof: str) -> str:
    return "data"


def _trigger(call: dict[str, Any]) -> tuple[str, Any]:
    if "message" in call:
        return "message", PROTOS.TypedData(string=call["message"])
    given = call["http"]
    body = PROTOS.TypedData(bytes=given["body"].encode()) if given.get("body") else PROTOS.TypedData()
    http = SimpleNamespace(
        method=given["method"], url=given["url"], headers=given["headers"], query={}, params={}, body=body
    )
    return "req", PROTOS.TypedData(http=http)


async def _start(app: str, call: dict[str, Any]) -> dict[str, Any]:
    started = float(os.environ["STARTED"])
    request = SimpleNamespace(capabilities={}, function_app_directory=app)
    answer = await runtime.worker_init_request(_envelope(worker_init_request=request))
    if answer.result.status != PROTOS.StatusResult.Success:
        sys.exit(f"{answer.result.exception.stack_trace}\n{answer.result.exception.message}")
    runtime.start_threadpool_executor()
    metadata = await runtime.functions_metadata_request(_envelope())
    ids = {found.name: found.function_id for found in metadata.function_metadata_results}
    indexed = time.monotonic()
    name, data = _trigger(call)
    trace = SimpleNamespace(trace_parent=f"00-{'1' * 32}-{'2' * 16}-01", trace_state="", attributes={})
    invocation = SimpleNamespace(
        invocation_id="1",
        function_id=ids[call["function"]],
        trigger_metadata={},
        input_data=[SimpleNamespace(name=name, data=data, WhichOneof=_data)],
        trace_context=trace,
        retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
    )
    result = await runtime.invocation_request(_envelope(invocation_request=invocation))
    answered, spent = time.monotonic(), time.process_time()
    if result.result.status != PROTOS.StatusResult.Success:
        sys.exit(f"{result.result.exception.stack_trace}\n{result.result.exception.message}")
    return {
        "indexed_ms": (indexed - started) * 1000,
        "answered_ms": (answered - started) * 1000,
        "cpu_ms": spent * 1000,
        "status": int(result.return_value.http.status_code) if "http" in call else 0,
        "body": result.return_value.http.body.bytes.decode() if "http" in call else "",
        "modules": sorted(sys.modules) if os.environ.get("MODULES") else len(sys.modules),
    }


if __name__ == "__main__":
    directory, file = sys.argv[1:]
    sys.path[0] = directory
    os.chdir(directory)
    with open(file, encoding="utf-8") as described:  # noqa: PTH123, nothing is imported for it
        found = asyncio.run(_start(directory, json.load(described)))
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)
