"""Index and invoke a Python v2 function app through Microsoft's worker library, in this process.

The library keeps its registry in module globals, so an interpreter can hold one app only.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import secrets
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime

from .bindings import Function, parse
from .protos import StatusResult, TypedData, envelope

_log = logging.getLogger("Host.Results")
_runtime: Any = azure_functions_runtime
"""The library without types: its answers are made by the classes of `protos`."""
_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


class IndexingError(RuntimeError):
    """The app cannot be imported or indexed; the text holds the traceback, `line` is the error in one line."""

    def __init__(self, text: str, line: str = "") -> None:
        super().__init__(text)
        self.line = line or text


@dataclass(frozen=True)
class Result:
    """Outcome of an invocation; `value` is the return value, `outputs` those of the output bindings."""

    ok: bool
    value: TypedData | None = None
    outputs: Mapping[str, TypedData] = field(default_factory=dict[str, TypedData])
    error: str = ""
    timed_out: bool = False


async def index(app: Path) -> list[Function]:
    """Import the app and return its functions; raises `IndexingError`. Once per interpreter."""
    script = app / os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    if not script.is_file():
        raise IndexingError(f"{script} is missing: this is no Python v2 function app")
    sys.path.insert(0, str(app))
    request = SimpleNamespace(capabilities={}, function_app_directory=str(app))
    answer = await _runtime.worker_init_request(envelope(worker_init_request=request))
    if answer.result.status != StatusResult.Success:
        failed = answer.result.exception
        raise IndexingError(f"{failed.stack_trace}\n{failed.message}", _line(failed.stack_trace, failed.message, app))
    _runtime.start_threadpool_executor()
    metadata = await _runtime.functions_metadata_request(envelope())
    return [
        parse(f.name, f.function_id, [json.loads(raw) for raw in f.raw_bindings], f.retry_options)
        for f in metadata.function_metadata_results or ()
    ]


def _line(trace: str, message: str, app: Path) -> str:
    """The error with the place in the app's own code; the library's advice to read about modules is left out."""
    what = message.partition(". Cannot find module.")[0].strip().splitlines()[0]
    places = re.findall(r'File "([^"]+)", line (\d+)', trace)
    own = [(Path(file).relative_to(app), line) for file, line in places if Path(file).is_relative_to(app)]
    own = [(file, line) for file, line in own if "site-packages" not in file.parts]
    return f"{what} ({own[-1][0]}, line {own[-1][1]})" if own else what


class Invoker:
    """Runs functions of the indexed app; counts what runs so that a stop can wait for it."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.running = 0
        self.timed_out = asyncio.Event()

    async def invoke(
        self,
        function: Function,
        data: TypedData,
        *,
        inputs: Mapping[str, TypedData] | None = None,
        metadata: Mapping[str, TypedData] | None = None,
        traceparent: str | None = None,
        tracestate: str = "",
        retry: tuple[int, int] = (0, 0),
        invocation_id: str | None = None,
    ) -> Result:
        """Run one function to its end or to the time limit. Never raises for a failure of the function."""
        invocation_id = invocation_id or str(uuid.uuid4())
        if not traceparent or not _TRACEPARENT.match(traceparent):
            traceparent, tracestate = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01", ""
        request = SimpleNamespace(
            invocation_id=invocation_id,
            function_id=function.id,
            trigger_metadata=dict(metadata or {}),
            input_data=[_parameter(function.trigger.name, data)]
            + [_parameter(name, value) for name, value in (inputs or {}).items()],
            trace_context=SimpleNamespace(trace_parent=traceparent, trace_state=tracestate, attributes={}),
            retry_context=SimpleNamespace(retry_count=retry[0], max_retry_count=retry[1], exception=None),
        )
        started = time.monotonic()
        self.running += 1
        try:
            result = await self._run(envelope(invocation_request=request))
        finally:
            self.running -= 1
        spent = (time.monotonic() - started) * 1000
        outcome = "Succeeded" if result.ok else "Failed"
        line = "Executed 'Functions.%s' (%s, Id=%s, Duration=%.0fms)%s"
        level = logging.INFO if result.ok else logging.ERROR
        _log.log(level, line, function.name, outcome, invocation_id, spent, result.error and "\n" + result.error)
        return result

    async def _run(self, request: SimpleNamespace) -> Result:
        call: asyncio.Future[Any] = asyncio.ensure_future(_runtime.invocation_request(request))
        done, _ = await asyncio.wait((call,), timeout=None if self.timeout == float("inf") else self.timeout)
        if not done:
            self.timed_out.set()
            return Result(False, error=f"Timeout value of {self.timeout:g} s exceeded.", timed_out=True)
        answer = call.result()
        if answer.result.status != StatusResult.Success:
            problem = answer.result.exception
            return Result(False, error=problem.stack_trace or problem.message)
        outputs = {item.name: item.data for item in answer.output_data}
        return Result(True, value=answer.return_value, outputs=outputs)


def _parameter(name: str, data: TypedData) -> SimpleNamespace:
    def which_oneof(_oneof: str) -> str:
        return "data"

    return SimpleNamespace(name=name, data=data, WhichOneof=which_oneof)
