"""The end of visits: what a shopper left in a shop's widget is deleted as an account is."""

from __future__ import annotations

from contextlib import suppress

from functions.privacy import service
from shared import clock
from shared.accounts.roles import Role
from shared.documents.fields import where
from shared.errors import DocumentNotFound
from shared.http.auth import Principal
from shared.passes import Pass
from shared.tryons.visits import VisitDocument, settle, settle_orphans, visits


def erase_ended(limit: int = 500) -> int:
    """Settle what visits that are over have cost, and delete all that they stored; returns how many.

    The deletion is the job that deletes accounts. The visit's own document goes with it, so a crash is repaired by the
    next run.
    """
    settle_orphans(limit)
    done = 0
    ended = Pass("visits.ended")
    for visit in visits.iterate(where(VisitDocument.expires_at, "<=", clock.now())):
        with ended.item(visitId=visit.id.public):
            settle(visit)
            if visit.photos or visit.tryons:
                service.delete_account(Principal(visit.user_id, Role.SHOPPER, "visit", 0), "", "")
            else:
                with suppress(DocumentNotFound):
                    visits.delete(visit.id, visit.user_id)
            done += 1
        if done >= limit or ended.failed >= limit:
            break
    return done
