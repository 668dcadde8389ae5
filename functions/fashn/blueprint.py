"""HTTP triggers of FASHN's wire: `v1/run`, `v1/status/{id}`, `v1/credits`."""

from __future__ import annotations

import azure.functions as func

from functions.fashn.errors import REFUSALS
from functions.fashn.models import MAX_RUN_BYTES, Credits, Run, RunQuery, RunRequest, StartedRun
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "POST", "v1/run", access=SIGNED_IN, limit="tryon", idempotent=True, body=RunRequest, query=RunQuery,
    answer=StartedRun, max_json_bytes=MAX_RUN_BYTES, refusals=REFUSALS, errors=(404, 502, 503, 504),
)  # fmt: skip
def fashn_run(call: Call) -> StartedRun:
    """Begin a run

    FASHN's wire: a try-on by `tryon-v1.6` or `tryon-max`, whichever engine this deployment offers, or
    `background-remove`. `webhook_url` is sent the run, as `v1/status/{id}` answers it, when it has ended.
    """
    from functions.fashn import service

    return service.start_run(call.caller, call.new_id, call.body.root, call.query, call.request_id)


@endpoint(bp, "GET", "v1/status/{id}", access=SIGNED_IN, answer=Run, refusals=REFUSALS, errors=(404,))
def fashn_status(call: Call) -> Reply:
    """Get the status of a run

    FASHN's wire. `x-fashn-credits-used` says what a run that has ended was charged.
    """
    from functions.fashn import runs

    run, used = runs.get_run(call.caller.user_id, call.path["id"])
    return Reply(run, headers={} if used is None else {"x-fashn-credits-used": str(used)})


@endpoint(bp, "GET", "v1/credits", access=SIGNED_IN, answer=Credits, refusals=REFUSALS)
def fashn_credits(call: Call) -> Credits:
    """Get the credits left

    FASHN's wire.
    """
    from functions.fashn import service

    return service.get_credits(call.caller)
