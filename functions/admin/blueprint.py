"""HTTP triggers of operating: `health`, `admin/...`."""

from __future__ import annotations

import azure.functions as func

from functions.admin.models import DeadLetter, DeadLetterList, DeadLettersQuery, Health
from shared.http.auth import ADMIN_ONLY, PUBLIC
from shared.http.endpoint import Call, endpoint

VERSION = "0.1.0"

bp = func.Blueprint()


@endpoint(bp, "GET", "health", access=PUBLIC, limit="health", answer=Health)
def health(call: Call) -> Health:
    """Whether the process answers."""
    return Health(version=VERSION)


@endpoint(bp, "GET", "admin/ping", access=ADMIN_ONLY, answer=Health)
def ping(call: Call) -> Health:
    """Whether the process answers, to an administrator: the token and the role are checked on the way."""
    return Health(version=VERSION)


@endpoint(bp, "GET", "admin/dead-letters", access=ADMIN_ONLY, query=DeadLettersQuery, answer=DeadLetterList)
def dead_letters_list(call: Call) -> DeadLetterList:
    """Jobs that were given up, latest first."""
    from functions.admin import service

    return service.dead_letters(call.query)


@endpoint(
    bp, "POST", "admin/dead-letters/{id}/redrive", access=ADMIN_ONLY, status=202, answer=DeadLetter, errors=(404, 409)
)
def dead_letters_redrive(call: Call) -> DeadLetter:
    """Give a dead or failed job a new life."""
    from functions.admin import service

    return service.redrive(call.caller, call.path["id"])
