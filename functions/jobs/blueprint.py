"""HTTP triggers of jobs: `jobs/{id}`."""

from __future__ import annotations

import azure.functions as func

from functions.jobs.models import Job, JobQuery
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(bp, "GET", "jobs/{id}", access=SIGNED_IN, query=JobQuery, answer=Job, errors=(404,))
def get_job(call: Call) -> Job:
    """Get a job.

    With `wait=20` the answer comes once the job has ended, or after 20 seconds.
    """
    from functions.jobs import service

    return service.get_job(call.caller, call.path["id"], call.query)


@endpoint(bp, "POST", "jobs/{id}/cancel", access=SIGNED_IN, status=202, answer=Job, errors=(404, 409))
def cancel_job(call: Call) -> Job:
    """Cancel a job.

    It must not have ended; one that runs stops at its next step.
    """
    from functions.jobs import service

    return service.cancel_job(call.caller, call.path["id"])


@endpoint(bp, "POST", "jobs/{id}/retry", access=SIGNED_IN, status=202, answer=Job, errors=(404, 409))
def retry_job(call: Call) -> Job:
    """Retry a dead job.

    What it works on is paid for again if its payment was released.
    """
    from functions.jobs import service

    return service.retry_job(call.caller, call.path["id"])
