"""HTTP trigger that shows the caller's account."""

from __future__ import annotations

import azure.functions as func

from functions.auth.profile_models import Profile
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(bp, "GET", "auth/me", access=SIGNED_IN, answer=Profile)
def auth_me(call: Call) -> Profile:
    """Get account"""
    from functions.auth import profile

    return profile.me(call.caller)
