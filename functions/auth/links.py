"""Links of one use in e-mails: created by the worker that sends them, redeemed by the shop's page."""

from __future__ import annotations

import hmac
import re
from typing import Final

from functions.auth import derived
from functions.auth.documents import LinkDocument, LinkId, LinkPurpose, links
from shared import clock
from shared.accounts.documents import Role
from shared.documents.containers import DAY
from shared.documents.fields import assign, where
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed, Unprocessable

LIFETIME_S: Final = {
    LinkPurpose.CONFIRM_EMAIL: 2 * DAY,
    LinkPurpose.RESET_PASSWORD: 30 * 60,
    LinkPurpose.INVITATION: 7 * DAY,
}
PAGES: Final = {
    LinkPurpose.CONFIRM_EMAIL: "/account/confirm-email",
    LinkPurpose.RESET_PASSWORD: "/account/reset-password",
    LinkPurpose.INVITATION: "/account/invitation",
}
"""Pages of the shop's app. The token is in the fragment, which browsers send to no server."""
_TOKEN: Final = re.compile(r"([0-9A-Za-z-]{1,64})\.([A-Za-z0-9_-]{43})", re.ASCII)


def create(
    id: str,
    purpose: LinkPurpose,
    user_id: str,
    email: str,
    email_hash: str,
    *,
    previous_email: str | None = None,
    role: Role | None = None,
    shop: str | None = None,
    token_version: int | None = None,
    invited_by: str | None = None,
    made_by: str | None = None,
) -> LinkDocument:
    """A new link; the same id again returns the same link."""
    lifetime = LIFETIME_S[purpose]
    link = LinkDocument(
        id=LinkId.of(id),
        user_id=user_id,
        purpose=purpose,
        email=email,
        email_hash=email_hash,
        previous_email=previous_email,
        token_version=token_version,
        kid=derived.active_key(),
        role=role,
        shop=shop,
        invited_by=invited_by,
        made_by=made_by,
        expires_at=clock.now() + lifetime,
        created_at=clock.iso(),
        ttl=lifetime + DAY,
    )
    try:
        return links.create(link)
    except DocumentConflict:
        return links.get(link.id, link.id)


def address_of(link: LinkDocument, app_url: str) -> str | None:
    """Where the link leads; None if its key is gone."""
    secret = derived.secret(link.id, link.kid)
    return secret and f"{app_url.rstrip('/')}{PAGES[link.purpose]}#token={link.id.public}.{secret}"


def find(token: str, purpose: LinkPurpose, user_id: str | None = None) -> LinkDocument:
    """The link that a token belongs to.

    Args:
        user_id: the only user who may use it; None for anyone who has it.

    Raises:
        Unprocessable: `link_invalid`: unknown, used, expired, for another purpose or another user.
    """
    parts = _TOKEN.fullmatch(token)
    id = LinkId.of(parts[1]) if parts else None
    link = links.find(id, id) if id else None
    if parts is None or link is None or link.purpose is not purpose or link.used_at is not None:
        raise invalid()
    secret = derived.secret(link.id, link.kid)
    if secret is None or not hmac.compare_digest(secret, parts[2]) or link.expires_at <= clock.now():
        raise invalid()
    if user_id is not None and link.user_id != user_id:
        raise invalid()
    return link


def use(link: LinkDocument) -> None:
    """Use a link up. Raises Unprocessable: `link_invalid`: it was used meanwhile."""
    unused = (where(LinkDocument.used_at, "=", None),)
    try:
        links.patch(link.id, link.id, assign(LinkDocument.used_at, clock.now()), where=unused)
    except (PreconditionFailed, DocumentNotFound):
        raise invalid() from None


def void(user_id: str, purpose: LinkPurpose) -> None:
    """Use up every other link of a user for this purpose."""
    theirs = (where(LinkDocument.user_id, "=", user_id), where(LinkDocument.purpose, "=", purpose))
    for link in list(links.iterate(*theirs)):
        if link.used_at is None:
            void_one(link)


def open_invitations(user_id: str) -> list[LinkDocument]:
    """Invitations of a user that were not accepted yet."""
    made = links.iterate(where(LinkDocument.invited_by, "=", user_id))
    return [link for link in made if link.used_at is None and link.expires_at > clock.now()]


def void_one(link: LinkDocument) -> bool:
    """Use a link up, unless it was used; whether it was unused."""
    try:
        use(link)
    except Unprocessable:
        return False
    return True


def invalid() -> Unprocessable:
    """The one error for a link that does not work, whatever the cause."""
    return Unprocessable("the link is not valid any more: request another one", code="link_invalid", field="token")
