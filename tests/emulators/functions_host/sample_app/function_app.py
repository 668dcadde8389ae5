"""What public samples and the worker's own tests do that the local host once refused or dropped, rebuilt small."""

import azure.functions as func
from blob_types import Reference
from ledger import record

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.function_name("put_queue_multiple_out")
@app.route(route="put_queue_multiple_out", binding_arg_name="resp")
@app.queue_output(arg_name="msg", queue_name="multiple-out", connection="AzureWebJobsStorage")
def put_queue_multiple_out(req: func.HttpRequest, resp: func.Out[func.HttpResponse], msg: func.Out[str]) -> None:
    """The answer is an output binding, not the return value (azure-functions-python-worker, queue_functions_stein)."""
    data = req.get_body().decode()
    msg.set(data)
    resp.set(func.HttpResponse(f"HTTP response: {data}", status_code=201, headers={"x-set": "yes"}))


@app.function_name("take_multiple_out")
@app.queue_trigger(arg_name="queue_message", queue_name="multiple-out", connection="AzureWebJobsStorage")
def take_multiple_out(queue_message: func.QueueMessage) -> None:
    """A binding name with an underscore (functions-quickstart-python-azd-eventgrid-blob)."""
    record("take_multiple_out", body=queue_message.get_body().decode())


@app.function_name("always_fails")
@app.queue_trigger(arg_name="message", queue_name="orders-poison", connection="AzureWebJobsStorage")
def always_fails(message: func.QueueMessage) -> None:
    """A poison handler that raises."""
    record("always_fails", dequeue=message.dequeue_count)
    raise ValueError("the dead letter can't be written")


@app.function_name("unmonitored")
@app.timer_trigger(arg_name="my_timer", schedule="0 0 0 1 1 *", use_monitor=False, run_on_startup=True)
def unmonitored(my_timer: func.TimerRequest) -> None:
    """A timer that keeps no status."""
    record("unmonitored", status=my_timer.schedule_status, past_due=my_timer.past_due)


@app.function_name("monitored")
@app.timer_trigger(arg_name="my_timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def monitored(my_timer: func.TimerRequest) -> None:
    """A timer that keeps one."""
    record("monitored", past_due=my_timer.past_due)


@app.function_name("dropped")
@app.blob_trigger(
    arg_name="blob", path="drops/{vendor}/{name}", connection="AzureWebJobsStorage", source=func.BlobSource.EVENT_GRID
)
def dropped(blob: func.InputStream) -> None:
    """Fed by Event Grid."""
    record("dropped", name=blob.name)


@app.function_name("referred")
@app.blob_trigger(arg_name="blob", path="large/{vendor}/{name}", connection="AzureWebJobsStorage")
def referred(blob: Reference) -> None:
    """Takes a type of an SDK, so that the host does not read the blob (extensions-bindings-blob)."""
    record("referred", kind=blob.kind, where=blob.where)
