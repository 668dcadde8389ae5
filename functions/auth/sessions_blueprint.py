"""HTTP triggers that list and end the sessions of the caller's account."""

from __future__ import annotations

import azure.functions as func

from functions.auth.session_models import SessionEnd, SessionList
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(bp, "GET", "auth/sessions", access=SIGNED_IN, answer=SessionList)
def auth_sessions_list(call: Call) -> SessionList:
    """List sessions

    Those that have not ended, with their times. Names of devices are not collected.
    """
    from functions.auth import session_list

    return session_list.list_sessions(call.caller)


@endpoint(
    bp, "POST", "auth/sessions/end", access=SIGNED_IN, status=204, limit="auth",
    body=SessionEnd, errors=(403, 404, 503),
)  # fmt: skip
def auth_sessions_end(call: Call) -> None:
    """End sessions

    Takes the password. Their tokens stop working, and every WebSocket of the account is closed.
    """
    from functions.auth import service

    service.end_sessions(call.caller, call.body, call.ip)
