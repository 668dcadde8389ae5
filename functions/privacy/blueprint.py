"""Triggers of privacy: account deletion and its report, data export, the `privacy` queue, and the retention timer."""

from __future__ import annotations

import azure.functions as func

from functions.privacy.models import Erasure, ErasureReport, Export, ReceiptRequest
from shared.http.auth import PUBLIC, SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(bp, "DELETE", "auth/me", access=SIGNED_IN, status=202, limit="auth", answer=Erasure, errors=(403, 409))
def delete_account(call: Call) -> Erasure:
    """Delete account

    Closes the account immediately and deletes all of its data in the background; can't be undone. 403 `sign_in_again`
    in a session older than an hour.
    """
    from functions.privacy import service

    return service.delete_account(call.caller, call.ip, call.request_id)


@endpoint(
    bp, "POST", "privacy/report", access=PUBLIC, limit="auth", body=ReceiptRequest, answer=ErasureReport, errors=(404,)
)
def get_deletion_report(call: Call) -> ErasureReport:
    """Get account deletion report"""
    from functions.privacy import service

    return service.get_report(call.body.receipt)


@endpoint(bp, "GET", "auth/me/export", access=SIGNED_IN, answer=Export, errors=(202,))
def get_data_export(call: Call) -> Reply:
    """Get data export

    Answers 202 while the archive is prepared, then 200 with a URL that is valid for minutes.
    """
    from functions.privacy import service

    export = service.get_export(call.caller, call.request_id)
    if export.status == "preparing":
        return Reply(export, status=202, headers={"Retry-After": "2"})
    return Reply(export)
