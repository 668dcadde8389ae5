"""HTTP trigger that changes the caller's account."""

from __future__ import annotations

import azure.functions as func

from functions.auth.profile_change_models import ChangedProfile, ProfileChange
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "PATCH", "auth/me", access=SIGNED_IN,
    body=ProfileChange, answer=ChangedProfile, errors=(403, 409, 503),
)  # fmt: skip
def auth_me_change(call: Call) -> ChangedProfile:
    """Update account

    A new password ends every other session.
    """
    from functions.auth import service

    return service.change(call.caller, call.body, call.ip)
