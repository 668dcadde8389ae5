"""HTTP triggers of sign-in, sessions and passwords."""

from __future__ import annotations

import azure.functions as func

from functions.auth.contact_models import Accepted
from functions.auth.models import (
    ForgotPassword,
    LoginRequest,
    LogoutRequest,
    RefreshRequest,
    Registered,
    RegisterRequest,
    ResetPassword,
    SignedIn,
)
from functions.auth.token_models import Tokens
from shared.http.auth import PUBLIC, SIGNED_IN
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "POST", "auth/register", access=PUBLIC, status=201, limit="register",
    body=RegisterRequest, answer=Registered, errors=(409, 503),
)  # fmt: skip
def auth_register(call: Call) -> Registered:
    """Register account

    Signs in immediately. Where addresses are confirmed, a message with a link goes to the address; until it is opened,
    nothing is done that a provider charges for, and the answer is the same whether or not the address has an account.
    A seller role is a request that an administrator approves.
    """
    from functions.auth import service

    return service.register(call.new_id, call.body, call.ip, call.request_id)


@endpoint(
    bp, "POST", "auth/login", access=PUBLIC, limit="auth",
    body=LoginRequest, answer=SignedIn, errors=(401, 503),
)  # fmt: skip
def auth_login(call: Call) -> SignedIn:
    """Sign in

    Keep `deviceToken` and send it with the next sign-in from this device. An account with a second factor answers 401
    `second_factor_required` until `code` is sent.
    """
    from functions.auth import service

    return service.login(call.body, call.ip)


@endpoint(
    bp, "POST", "auth/refresh", access=PUBLIC, limit="refresh",
    body=RefreshRequest, answer=Tokens, errors=(401, 409),
)  # fmt: skip
def auth_refresh(call: Call) -> Tokens:
    """Refresh tokens

    A refresh token works once; using it again ends its session. If the answer was lost, the same request with the
    `deviceToken` of the sign-in gets it again for a minute.
    """
    from functions.auth import service

    return service.refresh(call.body, call.ip)


@endpoint(bp, "POST", "auth/logout", access=SIGNED_IN, status=204, body=LogoutRequest, errors=(409,))
def auth_logout(call: Call) -> None:
    """Sign out

    Ends the session of the access token and, on request, another one or all of them. Every WebSocket of the account is
    closed; pages that stay signed in ask for a new URL.
    """
    from functions.auth import service

    service.logout(call.caller, call.body, call.ip)


@endpoint(
    bp, "POST", "auth/password/forgot", access=PUBLIC, status=202, limit="recovery",
    body=ForgotPassword, answer=Accepted,
)  # fmt: skip
def auth_password_forgot(call: Call) -> Accepted:
    """Request password reset

    Sends a link to the address if it has an account; the answer is the same if not. The link works once.
    """
    from functions.auth import recovery

    return recovery.request_reset(call.body, call.request_id)


@endpoint(
    bp, "POST", "auth/password/reset", access=PUBLIC, status=204, limit="recovery",
    body=ResetPassword, errors=(409, 503),
)  # fmt: skip
def auth_password_reset(call: Call) -> None:
    """Reset password

    By the token of the link. Ends every session; sign in afterwards.
    """
    from functions.auth import recovery

    recovery.reset(call.body, call.ip)
