"""HTTP triggers of administration: `admin/...`. Every change, and every read of one account or job, is audited."""

from __future__ import annotations

import azure.functions as func

from functions.admin.models.audit import AuditPage, AuditQuery
from functions.admin.models.dead_letters import (
    DeadLetter,
    DeadLetterDetail,
    DeadLetterList,
    DeadLettersQuery,
    DiscardRequest,
    ReasonQuery,
    Redriven,
    RedriveRequest,
)
from functions.admin.models.jobs import JobCounts, JobCountsQuery, JobDetail, JobList, JobsQuery, JobSummary
from functions.admin.models.spending import SpendingChange, SpendingList, SpendingState
from functions.admin.models.users import UserChange, UserDetail, UserList, UsersQuery
from shared.http.auth import ADMIN_ONLY
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(bp, "GET", "admin/users", access=ADMIN_ONLY, query=UsersQuery, answer=UserList)
def admin_users_list(call: Call) -> UserList:
    """List users (admin)"""
    from functions.admin import users

    return users.list_users(call.query)


@endpoint(bp, "GET", "admin/users/{id}", access=ADMIN_ONLY, answer=UserDetail, errors=(404,))
def admin_users_get(call: Call) -> UserDetail:
    """Get user (admin)"""
    from functions.admin import users

    return users.get_user(call.caller, call.path["id"])


@endpoint(
    bp, "PATCH", "admin/users/{id}", access=ADMIN_ONLY, body=UserChange, answer=UserDetail, errors=(404, 409)
)  # fmt: skip
def admin_users_change(call: Call) -> UserDetail:
    """Update user (admin)"""
    from functions.admin import users

    return users.update_user(call.caller, call.path["id"], call.body)


# The host tries routes by the name of their function and gives literals no precedence: `counts` before `get`.
@endpoint(bp, "GET", "admin/jobs/counts", access=ADMIN_ONLY, query=JobCountsQuery, answer=JobCounts)
def admin_jobs_counts(call: Call) -> JobCounts:
    """Count jobs by state (admin)"""
    from functions.admin import jobs

    return jobs.count_jobs(call.query.kind)


@endpoint(bp, "GET", "admin/jobs/{id}", access=ADMIN_ONLY, answer=JobDetail, errors=(404,))
def admin_jobs_get(call: Call) -> JobDetail:
    """Get job (admin)"""
    from functions.admin import jobs

    return jobs.get_job_detail(call.caller, call.path["id"])


@endpoint(
    bp, "POST", "admin/jobs/{id}/cancel", access=ADMIN_ONLY, status=202,
    query=ReasonQuery, answer=JobSummary, errors=(404, 409),
)  # fmt: skip
def admin_jobs_cancel(call: Call) -> JobSummary:
    """Cancel job (admin)

    Of any user. It must not have ended; one that runs stops at its next step.
    """
    from functions.admin import jobs

    return jobs.cancel_job(call.caller, call.path["id"], call.query.reason)


@endpoint(bp, "GET", "admin/jobs", access=ADMIN_ONLY, query=JobsQuery, answer=JobList)
def admin_jobs_list(call: Call) -> JobList:
    """List jobs (admin)"""
    from functions.admin import jobs

    return jobs.list_jobs(call.query)


@endpoint(bp, "GET", "admin/audit", access=ADMIN_ONLY, query=AuditQuery, answer=AuditPage)
def admin_audit(call: Call) -> AuditPage:
    """Search audit log (admin)"""
    from functions.admin import audit_log

    return audit_log.search_audit_log(call.query)


@endpoint(bp, "GET", "admin/spending", access=ADMIN_ONLY, answer=SpendingList)
def admin_spending_list(call: Call) -> SpendingList:
    """List spending (admin)

    What conversions, SMS and e-mails have used of the ceilings over all users.
    """
    from functions.admin import spending

    return spending.list_spending()


@endpoint(
    bp, "PUT", "admin/spending/{kind}", access=ADMIN_ONLY, body=SpendingChange, answer=SpendingState, errors=(404,)
)
def admin_spending_change(call: Call) -> SpendingState:
    """Pause spending (admin)

    Pauses what costs money at a provider, or lets it go on.
    """
    from functions.admin import spending

    return spending.update_spending(call.caller, call.path["kind"], call.body)


@endpoint(bp, "GET", "admin/dead-letters", access=ADMIN_ONLY, query=DeadLettersQuery, answer=DeadLetterList)
def dead_letters_list(call: Call) -> DeadLetterList:
    """List dead letters"""
    from functions.admin import dead_letters

    return dead_letters.list_dead_letters(call.query)


@endpoint(bp, "GET", "admin/dead-letters/{id}", access=ADMIN_ONLY, answer=DeadLetterDetail, errors=(404,))
def dead_letters_get(call: Call) -> DeadLetterDetail:
    """Get dead letter"""
    from functions.admin import dead_letters

    return dead_letters.get_dead_letter(call.caller, call.path["id"])


@endpoint(
    bp, "POST", "admin/dead-letters/{id}/redrive", access=ADMIN_ONLY, status=202,
    query=ReasonQuery, answer=DeadLetter, errors=(404, 409),
)  # fmt: skip
def dead_letters_redrive(call: Call) -> DeadLetter:
    """Redrive job"""
    from functions.admin import dead_letters

    return dead_letters.redrive(call.caller, call.path["id"], call.query.reason)


@endpoint(bp, "POST", "admin/dead-letters/redrive", access=ADMIN_ONLY, status=202, body=RedriveRequest, answer=Redriven)
def dead_letters_redrive_all(call: Call) -> Redriven:
    """Redrive dead letters

    Queues up to 200 dead letters again in one call, of one kind or of all.
    """
    from functions.admin import dead_letters

    return dead_letters.redrive_all(call.caller, call.body)


@endpoint(
    bp, "POST", "admin/dead-letters/{id}/discard", access=ADMIN_ONLY,
    body=DiscardRequest, answer=DeadLetter, errors=(404, 409),
)  # fmt: skip
def dead_letters_discard(call: Call) -> DeadLetter:
    """Discard dead letter"""
    from functions.admin import dead_letters

    return dead_letters.discard(call.caller, call.path["id"], call.body.reason)
