"""HTTP triggers of the second factor."""

from __future__ import annotations

import azure.functions as func

from functions.auth.second_factor_models import (
    RecoveryCodes,
    SecondFactorConfirmation,
    SecondFactorRemoval,
    SecondFactorSecret,
    SecondFactorStart,
)
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "POST", "auth/me/second-factor", access=SIGNED_IN, limit="auth",
    body=SecondFactorStart, answer=SecondFactorSecret, errors=(403, 409, 503),
)  # fmt: skip
def auth_second_factor_begin(call: Call) -> SecondFactorSecret:
    """Begin second factor

    Returns the secret for an authenticator app. It counts once a code was confirmed.
    """
    from functions.auth import service

    return service.begin_second_factor(call.caller, call.body.password, call.ip)


@endpoint(
    bp, "POST", "auth/me/second-factor/confirm", access=SIGNED_IN, limit="auth",
    body=SecondFactorConfirmation, answer=RecoveryCodes, errors=(403, 409),
)  # fmt: skip
def auth_second_factor_confirm(call: Call) -> RecoveryCodes:
    """Confirm second factor

    By a code of the app. From now on signing in takes a code. Returns the recovery codes, this once.
    """
    from functions.auth import service

    return service.confirm_second_factor(call.caller, call.body.code, call.ip)


@endpoint(
    bp, "POST", "auth/me/second-factor/remove", access=SIGNED_IN, status=204, limit="auth",
    body=SecondFactorRemoval, errors=(403, 409, 503),
)  # fmt: skip
def auth_second_factor_remove(call: Call) -> None:
    """Remove second factor"""
    from functions.auth import service

    service.remove_second_factor(call.caller, call.body, call.ip)
