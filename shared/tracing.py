"""Where spans go: Application Insights, an OTLP collector, a file; nowhere, at no cost, when none is configured.

The OpenTelemetry SDK is set up on the first span of a process and not at import. The host does the same for its own
spans (`telemetryMode` in `host.json`); ours are children of those by the `traceparent` it hands to every invocation.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared import startup
from shared.errors import ConfigurationError
from shared.identity import azure_credential

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

    from shared.tracing_settings import TracingSettings

SERVICE = "ai-fashion-studio"
EXPORTERS: Final = ("applicationinsights_connection_string", "otel_exporter_otlp_endpoint", "trace_file")
"""The settings of `TracingSettings`, each of which configures an exporter."""


@cache
def instance() -> str:
    """Names this process among all instances of the app, in traces and metrics."""
    host = os.environ.get("WEBSITE_INSTANCE_ID", "")[:16] or socket.gethostname()
    return f"{host}:{os.getpid()}"


@cache
def is_configured() -> bool:
    """Whether spans go anywhere. Reads the environment itself: neither the settings nor OpenTelemetry are imported."""
    return any(os.environ.get(name.upper()) or os.environ.get(name) for name in EXPORTERS)


def tracer() -> trace.Tracer:
    """The tracer of this process; the API's own, which records nothing, when no exporter is configured."""
    try:
        return made()
    except ConfigurationError:
        from opentelemetry import trace

        # The code that needs the settings reports what is wrong with them; tracing must not prevent that.
        return trace.NoOpTracerProvider().get_tracer(SERVICE)


@cache
def made() -> trace.Tracer:
    """See `tracer`; raises ConfigurationError when the settings are not usable."""
    with startup.importing("spans"):
        return _made()


def _made() -> trace.Tracer:
    from opentelemetry import trace

    from shared.tracing_settings import tracing_settings

    conf = tracing_settings()
    if not (conf.applicationinsights_connection_string or conf.otel_exporter_otlp_endpoint or conf.trace_file):
        return trace.NoOpTracerProvider().get_tracer(SERVICE)
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    provider = TracerProvider(
        resource=Resource.create({"service.name": SERVICE, "service.instance.id": instance()}),
    )
    if conf.trace_file:
        provider.add_span_processor(SimpleSpanProcessor(_file(Path(conf.trace_file))))
    if conf.otel_exporter_otlp_endpoint:
        provider.add_span_processor(BatchSpanProcessor(_later(_otlp)))
    if conf.applicationinsights_connection_string:
        provider.add_span_processor(BatchSpanProcessor(_later(partial(_application_insights, conf))))
    return provider.get_tracer(SERVICE)


def _later(make: Callable[[], SpanExporter]) -> SpanExporter:
    """In a Functions app an exporter that is made for the first batch of spans, in the thread of batches.

    To import that of Application Insights takes as long as a bare app's whole start, and no answer should wait for it.
    Elsewhere it is made at once, since a process that ends could not make it any more.
    """
    if not any(name in os.environ for name in startup.HOSTED):
        return make()
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Later(SpanExporter):
        made: SpanExporter | None = None

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            if self.made is None:
                self.made = make()
            return self.made.export(spans)

        def shutdown(self) -> None:
            if self.made is not None:
                self.made.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return self.made is None or self.made.force_flush(timeout_millis)

    return Later()


def _otlp() -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _application_insights(conf: TracingSettings) -> SpanExporter:
    from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter

    assert conf.applicationinsights_connection_string is not None
    connection = conf.applicationinsights_connection_string.get_secret_value()
    # Without a credential the exporter sends the instrumentation key alone, which an Entra-only resource refuses.
    credential = azure_credential(conf.client_id) if conf.uses_entra else None
    return AzureMonitorTraceExporter(connection_string=connection, credential=credential)


def _file(path: Path) -> SpanExporter:
    """An exporter that appends one line of JSON a span; processes share the file, since each line is one write."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class FileExporter(SpanExporter):
        def __init__(self) -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            for span in spans:
                os.write(self._descriptor, span.to_json(indent=None).encode() + b"\n")
            return SpanExportResult.SUCCESS

        def shutdown(self) -> None:
            os.close(self._descriptor)

    return FileExporter()
