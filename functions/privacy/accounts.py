"""The account of somebody who leaves: closed first, deleted last."""

from __future__ import annotations

from contextlib import suppress

from shared import clock
from shared.documents import Document, Where, store
from shared.errors import DocumentNotFound, PreconditionFailed
from shared.http import auth

CONTAINER = "accounts"


def close(user_id: str) -> Document | None:
    """Let nobody use the account from now on; the account, or None when it is gone already.

    Other processes may honour a token for `ACCOUNT_CACHE_S` more; `closedAt` (epoch seconds) says since when.
    """
    fresh = (Where("closedAt", "exists", False),)
    closing = {"disabled": True, "closedAt": clock.now(), "updatedAt": clock.iso()}
    with suppress(PreconditionFailed, DocumentNotFound):
        store().patch(CONTAINER, user_id, user_id, set=closing, incr={"tokenVersion": 1}, where=fresh)
    auth.accounts.forget(user_id)
    return store().find(CONTAINER, user_id, user_id)


def remove(account: Document) -> None:
    """Delete a closed account: what points to it by e-mail address first, or the address would bring its id back.

    The pointer is left where it names somebody else: the address may have been registered anew meanwhile.
    """
    id = f"email:{account['emailHash']}"
    pointer = store().find(CONTAINER, id, id)
    if pointer is not None and pointer["userId"] == account["id"]:
        with suppress(DocumentNotFound, PreconditionFailed):
            store().delete(CONTAINER, id, id, etag=pointer.etag)
    with suppress(DocumentNotFound):
        store().delete(CONTAINER, account["id"], account["id"])
    auth.accounts.forget(account["id"])
