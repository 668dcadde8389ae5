"""What outlives sessions: API keys, webhooks and invitations, which go on until they are ended themselves."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime

from functions.auth import links
from shared import audit, clock
from shared.accounts.api_keys import ApiKeyDocument, api_key_cache, api_keys
from shared.documents.fields import assign, where
from shared.errors import DocumentNotFound, PreconditionFailed
from shared.webhooks.documents import WebhookDocument, WebhookStatus, webhooks


def end(user_id: str, ip: str, *, since: datetime | None = None, made_by: Collection[str] = ()) -> None:
    """Revoke the keys, disable the webhooks and void the invitations that were made or changed since a time, or in some
    sessions.

    With a key ends what was made with it. WebSockets are not looked at: callers have closed those of the account.

    Args:
        made_by: ids of sessions.
    """
    from_then = None if since is None else clock.iso(since.timestamp())
    keys = [key for key in api_keys.iterate(partition=user_id) if _is_meant(_at(key), key.made_by, from_then, made_by)]
    for key in keys:
        with suppress(DocumentNotFound):
            api_keys.delete(key.id, user_id)
            audit.record(user_id, "API_KEY_REVOKED", subject=key.id.public, ip=ip)
    api_key_cache.clear()
    makers = {*made_by, *(key.id.public for key in keys)}
    for webhook in list(webhooks.iterate(partition=user_id)):
        if webhook.status is WebhookStatus.ACTIVE and _is_meant(webhook.updated_at, webhook.made_by, from_then, makers):
            _disable(webhook, ip)
    for link in links.open_invitations(user_id):
        if _is_meant(link.created_at, link.made_by, from_then, makers) and links.void_one(link):
            audit.record(user_id, "INVITATION_ENDED", subject=link.id.public, ip=ip)


def end_all(user_id: str, ip: str) -> None:
    """Revoke every key, disable every webhook, void every invitation."""
    end(user_id, ip, since=datetime.fromtimestamp(0, UTC))


def described(user_id: str) -> str:
    """What there is, in a sentence for the owner; empty if there is nothing.

    Names of keys and addresses of webhooks are left out: a thief chose them.
    """
    keys = [_at(key) for key in api_keys.iterate(partition=user_id)]
    active = where(WebhookDocument.status, "=", WebhookStatus.ACTIVE)
    hooks = [one.updated_at for one in webhooks.iterate(active, partition=user_id)]
    invited = [link.created_at for link in links.open_invitations(user_id)]
    listed = [
        f"{len(times)} {name}{'s' if len(times) > 1 else ''} ({newest} at {max(times)[:16].replace('T', ' ')} UTC)"
        for times, name, newest in (
            (keys, "API key", "the newest made"),
            (hooks, "webhook", "changed last"),
            (invited, "open invitation", "the newest made"),
        )
        if times
    ]
    if not listed:
        return ""
    return f"Your account has {' and '.join(listed)}. Signing out does not end them: look at the lists."


def _at(key: ApiKeyDocument) -> str:
    """When the key got its text."""
    return key.changed_at or key.created_at


def _is_meant(at: str, maker: str | None, since: str | None, made_by: Collection[str]) -> bool:
    return (since is not None and at >= since) or (maker is not None and maker in made_by)


def _disable(webhook: WebhookDocument, ip: str) -> None:
    changes = (
        assign(WebhookDocument.status, WebhookStatus.DISABLED),
        assign(WebhookDocument.disabled_reason, "its owner ended what was made in a session"),
        assign(WebhookDocument.updated_at, clock.iso()),
    )
    with suppress(DocumentNotFound, PreconditionFailed):
        webhooks.patch(webhook.id, webhook.user_id, *changes, where=[where(WebhookDocument.status, "exists")])
        audit.record(webhook.user_id, "WEBHOOK_DISABLED", subject=webhook.id.public, ip=ip)
