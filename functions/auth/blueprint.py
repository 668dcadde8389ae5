"""HTTP triggers of accounts and sessions: `auth/...`."""

from __future__ import annotations

import azure.functions as func

from functions.auth.models import (
    ChangedProfile,
    LoginRequest,
    LogoutRequest,
    Profile,
    ProfileChange,
    RefreshRequest,
    Registered,
    RegisterRequest,
    SignedIn,
    Tokens,
)
from shared.http.auth import PUBLIC, SIGNED_IN
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "POST", "auth/register", access=PUBLIC, status=201, limit="auth",
    body=RegisterRequest, answer=Registered, errors=(409, 503),
)  # fmt: skip
def auth_register(call: Call) -> Registered:
    """Register account"""
    from functions.auth import service

    return service.register(call.new_id, call.body, call.ip)


@endpoint(
    bp, "POST", "auth/login", access=PUBLIC, limit="auth",
    body=LoginRequest, answer=SignedIn, errors=(401, 503),
)  # fmt: skip
def auth_login(call: Call) -> SignedIn:
    """Sign in"""
    from functions.auth import service

    return service.login(call.body, call.ip)


@endpoint(
    bp, "POST", "auth/refresh", access=PUBLIC, limit="auth",
    body=RefreshRequest, answer=Tokens, errors=(401, 409),
)  # fmt: skip
def auth_refresh(call: Call) -> Tokens:
    """Refresh tokens

    A refresh token works once; using it again ends its session.
    """
    from functions.auth import service

    return service.refresh(call.body, call.ip)


@endpoint(bp, "POST", "auth/logout", access=SIGNED_IN, status=204, body=LogoutRequest, errors=(409,))
def auth_logout(call: Call) -> None:
    """Sign out

    Ends this access token and, on request, one session or all of them.
    """
    from functions.auth import service

    service.logout(call.caller, call.body, call.ip)


@endpoint(bp, "GET", "auth/me", access=SIGNED_IN, answer=Profile)
def auth_me(call: Call) -> Profile:
    """Get account"""
    from functions.auth import service

    return service.me(call.caller)


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
