"""What the system says about itself: JSON log lines, counters, and one trace from request to worker.

Nothing personal is logged: secrets, signatures, e-mail addresses and phone numbers are cut out of every line, so a
slip in a caller can't leak one.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from shared import clock, tracing

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

QUIET = ("azure", "urllib3", "httpx", "httpcore", "google_genai", "twilio", "opentelemetry")
"""Libraries that tell of every request; at DEBUG `urllib3` even writes whole URLs, signatures and all."""

for _name in QUIET:
    logging.getLogger(_name).setLevel(logging.WARNING)

_logger = logging.getLogger("studio")
_facts: ContextVar[dict[str, Any] | None] = ContextVar("facts", default=None)
_parent: ContextVar[str | None] = ContextVar("parent", default=None)
"""The `traceparent` to pass on while no exporter is configured, and OpenTelemetry therefore not imported."""
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_registering = threading.Lock()
"""A metric may be registered once, and a cache alone lets two threads make it at the same time."""

_SECRETS = (
    (re.compile(r"(?i)\b(sig|access_token|key|token|code|secret|password)=[^&\s\"']+"), r"\1=***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+"), r"\1 ***"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), "***"),
    (re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"), "***@***"),
    (re.compile(r"(?<![\w.-])\+\d{7,15}\b"), "+***"),
)


def redact(text: str) -> str:
    """`text` without signatures, tokens, e-mail addresses and E.164 phone numbers."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def log(event: str, *, level: str = "info", **facts: Any) -> None:
    """Write one JSON line: time, level, event, the bound facts (request id, job id, user id) and these."""
    number = logging.getLevelNamesMapping()[level.upper()]
    if not _logger.isEnabledFor(number):
        return
    line = {"at": clock.iso(), "level": level, "event": event, **(_facts.get() or {}), **facts}
    if trace_id := _trace_id():
        line["traceId"] = trace_id
    _logger.log(number, "%s", redact(json.dumps(line, default=str)))


@contextmanager
def bound(**facts: Any) -> Generator[None]:
    """Add facts to every log line of this block, and to the spans that begin in it or go on through it."""
    mark = _facts.set({**(_facts.get() or {}), **facts})
    _set_attributes(facts)
    try:
        yield
    finally:
        _facts.reset(mark)


def note(**facts: Any) -> None:
    """Add facts that were learned on the way to the rest of the innermost `bound` block, and to the current span."""
    known = _facts.get()
    if known is not None:
        known.update(facts)
    _set_attributes(facts)


def _attributes(facts: Mapping[str, Any]) -> dict[str, str | int | float]:
    return {f"studio.{name}": value for name, value in facts.items() if isinstance(value, str | int | float)}


def _set_attributes(facts: Mapping[str, Any]) -> None:
    if tracing.is_configured():
        from opentelemetry import trace

        trace.get_current_span().set_attributes(_attributes(facts))


class Span(Protocol):
    """What callers of `span` do with the span."""

    def set_attributes(self, attributes: Mapping[str, str | int | float]) -> None:
        """Add facts to the span."""
        ...

    def update_name(self, name: str) -> None:
        """Rename the span."""
        ...


class _NoSpan:
    """The span while no exporter is configured."""

    def set_attributes(self, attributes: Mapping[str, str | int | float]) -> None:
        """Nothing is kept."""

    def update_name(self, name: str) -> None:
        """Nothing is kept."""


_NO_SPAN: Final = _NoSpan()


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    kind: Literal["internal", "server", "client", "consumer"] = "internal",
    **attributes: str | int | float,
) -> Generator[Span]:
    """Run a block as an OpenTelemetry span that carries the bound facts; an error that leaves it marks it.

    Without an exporter nothing is recorded, but the trace id is logged and passed on.

    Args:
        parent: W3C `traceparent` to continue. The worker runs sync functions in a thread that has lost the context,
            so both adapters hand it in.
    """
    if not tracing.is_configured():
        mark = _parent.set(parent) if parent and _TRACEPARENT.fullmatch(parent) else None
        try:
            yield _NO_SPAN
        finally:
            if mark is not None:
                _parent.reset(mark)
        return
    with _recorded(name, parent, kind, attributes) as current:
        yield current


@contextmanager
def _recorded(name: str, parent: str | None, kind: str, attributes: Mapping[str, str | int | float]) -> Generator[Span]:
    from opentelemetry import context, trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    mark = None
    if parent:
        mark = context.attach(TraceContextTextMapPropagator().extract({"traceparent": parent}))
    facts = {**_attributes(_facts.get() or {}), **attributes}
    try:
        # Messages of errors may name what no trace may hold: the type alone is kept.
        with tracing.tracer().start_as_current_span(
            name, kind=trace.SpanKind[kind.upper()], attributes=facts, record_exception=False,
            set_status_on_exception=False,
        ) as current:  # fmt: skip
            try:
                yield current
            except BaseException as error:
                failed(current, type(error).__name__)
                raise
    finally:
        if mark is not None:
            context.detach(mark)


def failed(current: Span, why: str = "") -> None:
    """Mark a span as failed."""
    if not isinstance(current, _NoSpan):
        from opentelemetry import trace

        if isinstance(current, trace.Span):
            current.set_status(trace.StatusCode.ERROR, why)


def traceparent() -> str | None:
    """The W3C `traceparent` of the current span, to be carried in a message; None outside any trace."""
    if not tracing.is_configured():
        return _parent.get()
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def _trace_id() -> str | None:
    if not tracing.is_configured():
        parent = _TRACEPARENT.fullmatch(_parent.get() or "")
        return parent[1] if parent else None
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


_RECORDED_AT_ONCE: Final = 100
"""Values that are kept before they are recorded: prometheus-client is not imported for the first call of a process."""
_values: deque[Callable[[], None]] = deque()


@cache
def _counter(name: str, labels: tuple[str, ...]) -> Counter:
    from prometheus_client import Counter

    return Counter(name, name.replace("_", " "), labels)


@cache
def _histogram(name: str, labels: tuple[str, ...]) -> Histogram:
    from prometheus_client import Histogram

    buckets = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
    return Histogram(name, name.replace("_", " "), labels, buckets=buckets)


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter of this process."""

    def add() -> None:
        metric = _counter(name, tuple(sorted(labels)))
        (metric.labels(**labels) if labels else metric).inc(amount)

    _record(add)


def observe(name: str, value: float, **labels: str) -> None:
    """Put a value, in seconds, into a histogram of this process."""

    def add() -> None:
        metric = _histogram(name, tuple(sorted(labels)))
        (metric.labels(**labels) if labels else metric).observe(value)

    _record(add)


def _record(add: Callable[[], None]) -> None:
    _values.append(add)
    if len(_values) >= _RECORDED_AT_ONCE:
        flush()


def flush() -> None:
    """Record what was counted and observed; call it before the registry of prometheus-client is read."""
    with _registering:
        while _values:
            _values.popleft()()


def failure(error: BaseException) -> Mapping[str, str]:
    """Facts of an unexpected error for `log`: its type, and the traceback with secrets cut out."""
    import traceback

    return {"error": type(error).__name__, "traceback": redact("".join(traceback.format_exception(error)))}
