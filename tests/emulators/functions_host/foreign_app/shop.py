"""HTTP functions."""

import hashlib
import json
import logging
import time

import azure.functions as func

bp = func.Blueprint()


@bp.function_name("echo")
@bp.route(route="echo/{name}/{*rest}", methods=["GET", "POST", "PUT"])
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Everything the function got."""
    body = req.get_body()
    answer = {
        "method": req.method,
        "url": req.url,
        "query": dict(req.params),
        "route": dict(req.route_params),
        "headers": dict(req.headers),
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "traceparent": context.trace_context.trace_parent,
        "function": context.function_name,
    }
    return func.HttpResponse(json.dumps(answer), mimetype="application/json", headers={"x-shop": "yes"})


@bp.function_name("bytes")
@bp.route(route="bytes", methods=["GET", "HEAD"])
def bytes_(req: func.HttpRequest) -> func.HttpResponse:
    """Binary content and two cookies."""
    answer = func.HttpResponse(bytes(range(256)), status_code=201, mimetype="application/octet-stream")
    answer.headers.add("Set-Cookie", "a=1; Path=/; HttpOnly; SameSite=Lax; Max-Age=60")
    answer.headers.add("Set-Cookie", "b=two; Secure; Expires=Wed, 21 Oct 2037 07:28:00 GMT")
    return answer


@bp.function_name("text")
@bp.route()
async def text(req: func.HttpRequest) -> str:
    """A plain string from an async function; no explicit route, so it is the name."""
    return "grüezi"


@bp.function_name("fails")
@bp.route()
def fails(req: func.HttpRequest) -> func.HttpResponse:
    """Raises."""
    logging.info("about to fail")
    raise RuntimeError("a failure on purpose")


@bp.function_name("slow")
@bp.route(route="slow/{seconds:int}")
def slow(req: func.HttpRequest) -> func.HttpResponse:
    """Takes a while."""
    time.sleep(int(req.route_params["seconds"]) / 10)
    return func.HttpResponse("done")


@bp.function_name("itemDetails")
@bp.route(route="items/{id}", methods=["GET"])
def item_details(req: func.HttpRequest) -> str:
    """Comes before itemRecent in the alphabet and so takes its route."""
    return f"details {req.route_params['id']}"


@bp.function_name("itemRecent")
@bp.route(route="items/recent", methods=["GET"])
def item_recent(req: func.HttpRequest) -> str:
    """Never reached."""
    return "recent"


@bp.function_name("itemDelete")
@bp.route(route="items/{id:guid}", methods=["DELETE"])
def item_delete(req: func.HttpRequest) -> str:
    """The same path with another method and a constraint."""
    return f"deleted {req.route_params['id']}"


@bp.function_name("staffOnly")
@bp.route(auth_level=func.AuthLevel.FUNCTION)
def staff_only(req: func.HttpRequest) -> str:
    """Needs a function key."""
    return "staff"


@bp.function_name("ownerOnly")
@bp.route(auth_level=func.AuthLevel.ADMIN)
def owner_only(req: func.HttpRequest) -> str:
    """Needs the master key."""
    return "owner"


@bp.function_name("order")
@bp.route(route="orders", methods=["POST"])
@bp.queue_output(arg_name="message", queue_name="%ORDERS_QUEUE%", connection="AzureWebJobsStorage")
def order(req: func.HttpRequest, message: func.Out[str]) -> func.HttpResponse:
    """HTTP in, a queue message out."""
    message.set(req.get_body().decode())
    return func.HttpResponse(status_code=202)
