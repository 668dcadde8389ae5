"""HTTP triggers of API keys: `api-keys...`."""

from __future__ import annotations

import azure.functions as func

from functions.keys.models import ApiKeyList, ApiKeyRequest, ApiKeyWithSecret
from shared.accounts.api_keys import Repeatable
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "POST", "api-keys", access=SIGNED_IN, status=201, idempotent=True,
    body=ApiKeyRequest, answer=ApiKeyWithSecret, errors=(403, 404, 409),
)  # fmt: skip
def api_keys_create(call: Call) -> Reply:
    """Create API key

    A secret key is for servers; a publishable key works at the pages it lists. No other answer contains the key, but
    for repetitions under the same `Idempotency-Key`: 409 `key_changed` once it was rotated. 403 `sign_in_again` in a
    session older than an hour.
    """
    from functions.keys import service

    made = service.create_key(call.caller, call.new_id, call.body, _repeatable(call))
    return Reply(made, headers={"Location": f"/api/api-keys/{made.id}"}, kept=False)


@endpoint(bp, "GET", "api-keys", access=SIGNED_IN, answer=ApiKeyList)
def api_keys_list(call: Call) -> ApiKeyList:
    """List API keys"""
    from functions.keys import service

    return service.list_keys(call.caller)


@endpoint(
    bp, "POST", "api-keys/{id}/rotate", access=SIGNED_IN, idempotent=True,
    answer=ApiKeyWithSecret, errors=(403, 404, 409),
)  # fmt: skip
def api_keys_rotate(call: Call) -> Reply:
    """Rotate API key

    The key gets a new text; the one before stops working. A repetition under the same `Idempotency-Key` answers the
    same text, or 409 `key_changed` once the key has another one. 403 `sign_in_again` as when creating one.
    """
    from functions.keys import service

    return Reply(service.rotate_key(call.caller, call.path["id"], _repeatable(call)), kept=False)


def _repeatable(call: Call) -> Repeatable | None:
    key = call.headers.get("Idempotency-Key")
    return None if key is None else Repeatable(call.new_id, key, call.repeated)


@endpoint(bp, "DELETE", "api-keys/{id}", access=SIGNED_IN, status=204)
def api_keys_delete(call: Call) -> None:
    """Revoke API key"""
    from functions.keys import service

    service.revoke_key(call.caller, call.path["id"])
