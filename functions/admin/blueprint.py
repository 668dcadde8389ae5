"""HTTP triggers of administration: `admin/...`. Every act, and every look at one person or one job, is audited."""

from __future__ import annotations

import azure.functions as func

from functions.admin.models import (
    AuditPage,
    AuditQuery,
    DeadLetter,
    DeadLetterDetail,
    DeadLetterList,
    DeadLettersQuery,
    DiscardRequest,
    JobCounts,
    JobCountsQuery,
    JobDetail,
    JobList,
    JobsQuery,
    ReasonQuery,
    Redriven,
    RedriveRequest,
    UserChange,
    UserDetail,
    UserList,
    UsersQuery,
)
from shared.http.auth import ADMIN_ONLY
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(bp, "GET", "admin/users", access=ADMIN_ONLY, query=UsersQuery, answer=UserList)
def admin_users_list(call: Call) -> UserList:
    """Accounts, newest first."""
    from functions.admin import users

    return users.listing(call.query)


@endpoint(bp, "GET", "admin/users/{id}", access=ADMIN_ONLY, answer=UserDetail, errors=(404,))
def admin_users_get(call: Call) -> UserDetail:
    """An account and what it uses."""
    from functions.admin import users

    return users.detail(call.caller, call.path["id"])


@endpoint(
    bp, "PATCH", "admin/users/{id}", access=ADMIN_ONLY, body=UserChange, answer=UserDetail, errors=(404, 409)
)  # fmt: skip
def admin_users_change(call: Call) -> UserDetail:
    """Change an account's role, or disable or enable it."""
    from functions.admin import users

    return users.change(call.caller, call.path["id"], call.body)


# The host tries routes by the name of their function and gives literals no precedence: `counts` before `get`.
@endpoint(bp, "GET", "admin/jobs/counts", access=ADMIN_ONLY, query=JobCountsQuery, answer=JobCounts)
def admin_jobs_counts(call: Call) -> JobCounts:
    """How many jobs are in each state."""
    from functions.admin import jobs

    return jobs.counts(call.query.kind)


@endpoint(bp, "GET", "admin/jobs/{id}", access=ADMIN_ONLY, answer=JobDetail, errors=(404,))
def admin_jobs_get(call: Call) -> JobDetail:
    """A job of anybody's with its payload and result; the report of a deletion, say."""
    from functions.admin import jobs

    return jobs.detail(call.caller, call.path["id"])


@endpoint(bp, "GET", "admin/jobs", access=ADMIN_ONLY, query=JobsQuery, answer=JobList)
def admin_jobs_list(call: Call) -> JobList:
    """Jobs of everybody, latest change first."""
    from functions.admin import jobs

    return jobs.listing(call.query)


@endpoint(bp, "GET", "admin/audit", access=ADMIN_ONLY, query=AuditQuery, answer=AuditPage)
def admin_audit(call: Call) -> AuditPage:
    """Search the audit log by user, action, subject and time."""
    from functions.admin import trail

    return trail.search(call.query)


@endpoint(bp, "GET", "admin/dead-letters", access=ADMIN_ONLY, query=DeadLettersQuery, answer=DeadLetterList)
def dead_letters_list(call: Call) -> DeadLetterList:
    """Jobs that were given up, latest first."""
    from functions.admin import letters

    return letters.listing(call.query)


@endpoint(bp, "GET", "admin/dead-letters/{id}", access=ADMIN_ONLY, answer=DeadLetterDetail, errors=(404,))
def dead_letters_get(call: Call) -> DeadLetterDetail:
    """A dead letter with payload, errors and history."""
    from functions.admin import letters

    return letters.inspect(call.caller, call.path["id"])


@endpoint(
    bp, "POST", "admin/dead-letters/{id}/redrive", access=ADMIN_ONLY, status=202,
    query=ReasonQuery, answer=DeadLetter, errors=(404, 409),
)  # fmt: skip
def dead_letters_redrive(call: Call) -> DeadLetter:
    """Give a dead or failed job a new life."""
    from functions.admin import letters

    return letters.redrive(call.caller, call.path["id"], call.query.reason)


@endpoint(bp, "POST", "admin/dead-letters/redrive", access=ADMIN_ONLY, status=202, body=RedriveRequest, answer=Redriven)
def dead_letters_redrive_all(call: Call) -> Redriven:
    """Give all dead letters (of a kind) a new life, up to 200 in a call."""
    from functions.admin import letters

    return letters.redrive_all(call.caller, call.body)


@endpoint(
    bp, "POST", "admin/dead-letters/{id}/discard", access=ADMIN_ONLY,
    body=DiscardRequest, answer=DeadLetter, errors=(404, 409),
)  # fmt: skip
def dead_letters_discard(call: Call) -> DeadLetter:
    """Give a dead letter up for good, with a reason."""
    from functions.admin import letters

    return letters.discard(call.caller, call.path["id"], call.body.reason)
