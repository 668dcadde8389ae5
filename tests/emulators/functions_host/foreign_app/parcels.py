"""Queue and blob functions."""

import json
import time
from typing import List  # noqa: UP035, the worker library does not know list[str]

import azure.functions as func
from ledger import record

bp = func.Blueprint()


@bp.function_name("pack")
@bp.queue_trigger(arg_name="msg", queue_name="%ORDERS_QUEUE%", connection="AzureWebJobsStorage")
@bp.queue_output(arg_name="parcels", queue_name="parcels", connection="AzureWebJobsStorage")
def pack(msg: func.QueueMessage, parcels: func.Out[List[str]]) -> None:  # noqa: UP006
    """Queue in, a list of messages out."""
    body = msg.get_body().decode()
    record("pack", body=body, dequeue=msg.dequeue_count, id=msg.id, inserted=str(msg.insertion_time))
    count = json.loads(body).get("parcels", 0)
    if count:
        parcels.set([f"{body} #{n}" for n in range(count)])


@bp.function_name("ship")
@bp.queue_trigger(arg_name="msg", queue_name="parcels", connection="AzureWebJobsStorage")
def ship(msg: str) -> None:
    """A message as a string."""
    record("ship", body=msg)


@bp.function_name("breaks")
@bp.queue_trigger(arg_name="msg", queue_name="broken", connection="AzureWebJobsStorage")
def breaks(msg: func.QueueMessage) -> None:
    """Fails each time."""
    record("breaks", body=msg.get_body().decode(), dequeue=msg.dequeue_count)
    raise ValueError("cannot be packed")


@bp.function_name("brokenPoison")
@bp.queue_trigger(arg_name="msg", queue_name="broken-poison", connection="AzureWebJobsStorage")
def broken_poison(msg: func.QueueMessage) -> None:
    """Consumes the poison queue."""
    record("brokenPoison", body=msg.get_body().decode(errors="replace"))


@bp.function_name("long")
@bp.queue_trigger(arg_name="msg", queue_name="%LONG_QUEUE%", connection="AzureWebJobsStorage")
def long_(msg: func.QueueMessage) -> None:
    """Takes the given number of seconds."""
    record("long", state="begins", dequeue=msg.dequeue_count)
    time.sleep(float(msg.get_body()))
    record("long", state="ends", dequeue=msg.dequeue_count)


@bp.function_name("scan")
@bp.blob_trigger(arg_name="blob", path="inbox/{vendor}/{sku}.{ext}", connection="AzureWebJobsStorage")
@bp.blob_output(arg_name="copy", path="outbox/{sku}-of-{vendor}.txt", connection="AzureWebJobsStorage")
def scan(blob: func.InputStream, copy: func.Out[str]) -> None:
    """A new or changed blob, and a blob out."""
    content = blob.read()
    record(
        "scan",
        name=blob.name,
        length=blob.length,
        content=content.decode("latin-1"),
        metadata=blob.metadata,
        uri=blob.uri,
    )
    copy.set(content.decode("latin-1").upper())


@bp.function_name("scanBroken")
@bp.blob_trigger(
    arg_name="blob",
    path="rejects/{name}",
    connection="AzureWebJobsStorage",
    source=func.BlobSource.EVENT_GRID,
)
def scan_broken(blob: func.InputStream) -> None:
    """Fails each time; declared for Event Grid."""
    record("scanBroken", name=blob.name)
    raise ValueError("unreadable")
