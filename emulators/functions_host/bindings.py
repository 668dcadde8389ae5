"""The functions of an app as typed objects, made from the worker's metadata, and the rules they must keep."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

TRIGGERS = {"httpTrigger", "queueTrigger", "blobTrigger", "timerTrigger"}
_INPUTS = {"blob"}
_OUTPUTS = {"blob", "queue", "http"}
# Underscores since version 4.1038 of the host (Azure/azure-functions-host#10764).
_NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9_]{0,127}$")
_FUNCTION_NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9_-]{0,127}$")
_RESERVED = ("admin", "runtime")
_BUILT_IN = {"httpTrigger", "http", "timerTrigger"}
_SPELLED = {name.lower(): name for name in (*TRIGGERS, *_INPUTS, *_OUTPUTS)}
"""Types of bindings by their names in lower case: generic bindings may say `HttpTrigger`."""


@dataclass(frozen=True)
class Binding:
    """One binding; `raw` is its function.json object."""

    name: str
    type: str
    direction: str
    raw: Mapping[str, Any]

    @property
    def is_deferred(self) -> bool:
        """Whether the function's parameter is a client of an SDK, made by a binding extension."""
        properties = self.raw.get("properties")
        if not isinstance(properties, Mapping):
            return False
        return bool(cast("Mapping[str, Any]", properties).get("SupportsDeferredBinding"))

    @property
    def connection(self) -> str:
        """Name of the setting with its storage account."""
        return str(self.raw.get("connection") or "AzureWebJobsStorage")


@dataclass(frozen=True)
class Retry:
    """`@app.retry`: how often and after how many seconds a failed run is repeated (-1: for ever)."""

    count: int
    minimum: float
    maximum: float


@dataclass(frozen=True)
class Function:
    """One indexed function: its trigger, inputs and outputs."""

    name: str
    id: str
    trigger: Binding
    inputs: tuple[Binding, ...]
    outputs: tuple[Binding, ...]
    retry: Retry | None = None

    @property
    def from_event_grid(self) -> bool:
        """Whether a blob trigger is fed by Event Grid."""
        return str(self.trigger.raw.get("source", "")).lower() == "eventgrid"

    @property
    def route(self) -> str:
        """HTTP route without prefix and outer slashes."""
        return str(self.trigger.raw.get("route") or self.name).strip("/")

    @property
    def methods(self) -> tuple[str, ...]:
        """HTTP methods in upper case; empty means all."""
        return tuple(str(m).upper() for m in self.trigger.raw.get("methods") or ())


def parse(name: str, function_id: str, raws: Sequence[Mapping[str, Any]], retry: Any = None) -> Function:
    """Make a Function of its raw bindings; raises `ValueError` unless it has exactly one trigger."""
    bindings = [_binding(raw) for raw in raws]
    triggers = [b for b in bindings if b.type.lower().endswith("trigger")]
    if len(triggers) != 1:
        raise ValueError(f"The '{name}' function has {len(triggers)} triggers, it must have one.")
    return Function(
        name=name,
        id=function_id,
        trigger=triggers[0],
        inputs=tuple(b for b in bindings if b.direction != "out" and b is not triggers[0]),
        outputs=tuple(b for b in bindings if b.direction == "out"),
        retry=_retry(retry),
    )


def _binding(raw: Mapping[str, Any]) -> Binding:
    type = str(raw["type"])
    return Binding(str(raw["name"]), _SPELLED.get(type.lower(), type), str(raw.get("direction", "in")).lower(), raw)


def _retry(options: Any) -> Retry | None:
    if options is None:
        return None
    fixed = getattr(options, "delay_interval", None)
    low = fixed if fixed is not None else options.minimum_interval
    high = fixed if fixed is not None else options.maximum_interval
    return Retry(int(options.max_retry_count), low.total_seconds(), high.total_seconds())


def violations(functions: Iterable[Function], *, has_bundle: bool) -> dict[str, str]:
    """Return {function name: message} for each function the real host would refuse.

    These are rules of azure-functions-host which the worker library does not check (ScriptHost.cs,
    FunctionMetadataManager.cs, Utility.cs). Of two functions in conflict the later name is in error.
    """
    found: dict[str, str] = {}
    accepted: list[Function] = []
    for function in sorted(functions, key=lambda f: (f.name.lower(), f.name)):
        message = _violation(function, accepted, has_bundle)
        if message:
            found[function.name] = message
        else:
            accepted.append(function)
    return found


def _violation(function: Function, accepted: Sequence[Function], has_bundle: bool) -> str | None:
    if not _FUNCTION_NAME.match(function.name):
        return f"'{function.name}' is not a valid function name."
    if any(other.name.lower() == function.name.lower() for other in accepted):
        return "The function name must be unique within the app without regard to case."
    return _binding_violation(function, has_bundle) or _route_violation(function, accepted)


def _binding_violation(function: Function, has_bundle: bool) -> str | None:
    for binding in (function.trigger, *function.inputs, *function.outputs):
        if binding.name != "$return" and not _NAME.match(binding.name):
            return (
                f"The binding name '{binding.name}' is invalid: letters, digits and underscores only, "
                "starting with a letter."
            )
        if binding.direction not in ("in", "out"):
            return (
                f"The binding '{binding.name}': this local host does not support the direction '{binding.direction}'."
            )
        if binding.is_deferred and binding.type != "blobTrigger":
            return (
                f"The binding '{binding.name}' asks for a client of an SDK (deferred binding), which this local host "
                "supports for blob triggers only: take str, bytes, func.InputStream or func.QueueMessage, and make the "
                "client there."
            )
        if binding.type not in _BUILT_IN and not has_bundle:
            return (
                f"The binding type '{binding.type}' is not registered: host.json has no 'extensionBundle', "
                "which everything but HTTP and timer needs."
            )
    known = [(function.trigger, TRIGGERS)]
    known += [(b, _INPUTS) for b in function.inputs] + [(b, _OUTPUTS) for b in function.outputs]
    for binding, types in known:
        if binding.type not in types:
            return (
                f"The binding type '{binding.type}' is not supported by this local host: it has HTTP, timer, queue "
                "and blob triggers, blob inputs, and blob and queue outputs (docs/functions-host.md)."
            )
    return None


def _route_violation(function: Function, accepted: Sequence[Function]) -> str | None:
    if function.trigger.type != "httpTrigger":
        return None
    if function.route.lower().startswith(_RESERVED):
        return (
            f"The route '{function.route}' conflicts with built in routes: no route may start with 'admin' "
            "or 'runtime', whatever the route prefix."
        )
    for other in accepted:
        if other.trigger.type != "httpTrigger" or other.route.lower() != function.route.lower():
            continue
        if not other.methods or not function.methods or set(other.methods) & set(function.methods):
            return f"The route '{function.route}' conflicts with the route of function '{other.name}'."
    return None
