"""A customer's webhook endpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from functions.webhooks import signing
from functions.webhooks.models import Webhook, WebhookRequest, WebhookWithSecret
from shared import audit, clock
from shared.accounts.recent import require_recent_sign_in
from shared.documents.fields import Change, assign
from shared.documents.limited import create_limited
from shared.errors import (
    Conflict,
    DocumentNotFound,
    NotFound,
    PreconditionFailed,
    Unprocessable,
    UpstreamError,
)
from shared.http.auth import Principal
from shared.notifications.account_messages import AccountMessage, notify_owner
from shared.webhooks.documents import SigningKey, WebhookDocument, WebhookId, WebhookStatus, webhooks
from shared.webhooks.sending import webhook_target
from shared.webhooks.settings import MAX_ENDPOINTS, webhook_settings

if TYPE_CHECKING:
    from functions.webhooks.change_models import WebhookChange, WebhookList

MAX_TRIES: Final = 5
"""How often a change is tried while others change the same endpoint."""


def create_webhook(user: Principal, id: str, request: WebhookRequest, *, repeated: bool = False) -> WebhookWithSecret:
    """Register an endpoint; this answer and its repetitions are the only ones with its secret.

    Raises:
        Forbidden: `email_unconfirmed`. `sign_in_again`: it outlives the session.
        Unprocessable: `webhook_url`, the address may not be called; `webhook_unresolved`, the name has no address.
        Conflict: the customer has `MAX_ENDPOINTS` already. `webhook_changed`: a repetition, and it has another secret.
        NotFound: a repetition, and the endpoint is deleted.
    """
    user.require_confirmed()
    require_recent_sign_in(user.session)
    known = webhooks.find(WebhookId.of(id), user.user_id)
    if known is not None or repeated:
        return _made_for(id, known or _find(user, id))
    _check_url(request.url)
    at = clock.iso()
    wanted = WebhookDocument(
        id=WebhookId.of(id),
        user_id=user.user_id,
        url=request.url,
        events=list(request.events),
        description=request.description,
        signing_keys=[SigningKey(secret=signing.new_secret(), made_for=id)],
        made_by=user.credential,
        created_at=at,
        updated_at=at,
    )
    webhook = create_limited(webhooks, wanted, user.user_id, MAX_ENDPOINTS)
    if webhook is None:
        raise Conflict(f"{MAX_ENDPOINTS} endpoints at most: delete one first", code="too_many_webhooks")
    audit.record(user.user_id, "WEBHOOK_REGISTERED", subject=id)
    notify_owner(user.user_id, AccountMessage.WEBHOOK)
    return _with_secret(webhook)


def list_webhooks(user: Principal) -> WebhookList:
    """All endpoints of the customer, the oldest first, without their secrets."""
    from functions.webhooks.change_models import WebhookList

    return WebhookList(
        items=[_answer(webhook) for webhook in webhooks.list(partition=user.user_id, skip_unreadable=True).items]
    )


def get_webhook(user: Principal, id: str) -> Webhook:
    """An endpoint. Raises NotFound, for another customer's too."""
    return _answer(_find(user, id))


def update_webhook(user: Principal, id: str, request: WebhookChange) -> Webhook:
    """Change the URL, the events or the state of an endpoint.

    Raises:
        NotFound.
        Forbidden: `sign_in_again`, for another URL, or to enable it.
        Unprocessable: see `create_webhook`.
        Conflict: it is being changed elsewhere; retryable.
    """
    spreads = request.url is not None or request.status == WebhookStatus.ACTIVE
    if spreads:
        require_recent_sign_in(user.session)
    if request.url is not None:
        _check_url(request.url)
    changes: list[Change] = [assign(WebhookDocument.made_by, user.credential)] if spreads else []
    if request.url is not None:
        changes.append(assign(WebhookDocument.url, request.url))
    if request.events is not None:
        changes.append(assign(WebhookDocument.events, [*request.events]))
    if request.description is not None:
        changes.append(assign(WebhookDocument.description, request.description))
    if request.status is not None:
        reason = None if request.status == WebhookStatus.ACTIVE else "its owner disabled it"
        changes.append(assign(WebhookDocument.status, WebhookStatus(request.status)))
        changes.append(assign(WebhookDocument.disabled_reason, reason))
    changed = _change(user, id, lambda _: changes)
    audit.record(user.user_id, "WEBHOOK_CHANGED", subject=id, fields=sorted(request.model_fields_set))
    if spreads:
        notify_owner(user.user_id, AccountMessage.WEBHOOK)
    return _answer(changed)


def delete_webhook(user: Principal, id: str) -> None:
    """Delete an endpoint; deliveries still on their way to it fail. Raises NotFound."""
    webhook = _find(user, id)
    try:
        webhooks.delete(webhook.id, user.user_id)
    except DocumentNotFound:
        return
    audit.record(user.user_id, "WEBHOOK_DELETED", subject=id)


def rotate_secret(user: Principal, id: str, request_id: str, *, repeated: bool = False) -> WebhookWithSecret:
    """Give an endpoint a new secret; the previous one still signs for `WEBHOOK_ROTATION_HOURS`.

    Args:
        request_id: the same for every repetition of the request, which changes the secret once.

    Raises:
        Forbidden: `sign_in_again`.
        NotFound.
        Conflict: it is being changed elsewhere; retryable. `webhook_changed`: a repetition, and it has another secret.
    """
    require_recent_sign_in(user.session)
    known = _find(user, id)
    if repeated or known.signing_keys[0].made_for == request_id:
        return _made_for(request_id, known)
    until = clock.now() + webhook_settings().webhook_rotation_hours * 3600

    def rotate(webhook: WebhookDocument) -> Sequence[Change]:
        previous = webhook.signing_keys[0].model_copy(update={"until": until})
        made = [SigningKey(secret=signing.new_secret(), made_for=request_id), previous]
        return [assign(WebhookDocument.signing_keys, made), assign(WebhookDocument.made_by, user.credential)]

    changed = _change(user, id, rotate)
    audit.record(user.user_id, "WEBHOOK_ROTATED", subject=id)
    notify_owner(user.user_id, AccountMessage.WEBHOOK)
    return _with_secret(changed)


def _made_for(request_id: str, webhook: WebhookDocument) -> WebhookWithSecret:
    """The answer of a request that comes again, while the endpoint has the secret which that request gave it."""
    if webhook.signing_keys[0].made_for != request_id:
        raise Conflict(
            "the endpoint has another secret since this request was answered: rotate it under a new Idempotency-Key",
            code="webhook_changed",
        )
    return _with_secret(webhook)


def _check_url(url: str) -> None:
    try:
        webhook_target(url)
    except UpstreamError as error:
        raise Unprocessable(error.message, code=error.code, field="url") from None


def _find(user: Principal, id: str) -> WebhookDocument:
    webhook = webhooks.find(WebhookId.of(id), user.user_id)
    if webhook is None:
        raise NotFound("there is no such webhook", code="webhook_not_found")
    return webhook


def _change(user: Principal, id: str, changes: Callable[[WebhookDocument], Sequence[Change]]) -> WebhookDocument:
    for _ in range(MAX_TRIES):
        webhook = _find(user, id)
        made = (*changes(webhook), assign(WebhookDocument.updated_at, clock.iso()))
        try:
            return webhooks.patch(webhook.id, user.user_id, *made, etag=webhook.etag)
        except (PreconditionFailed, DocumentNotFound):
            continue
    raise Conflict("the webhook is being changed elsewhere: try again", code="webhook_busy", retryable=True)


def _previous_secret_until(webhook: WebhookDocument) -> str | None:
    until = max((key.until for key in webhook.signing_keys if key.until), default=0)
    return clock.iso(until) if until > clock.now() else None


def _answer(webhook: WebhookDocument) -> Webhook:
    return Webhook.of(webhook, previous_secret_until=_previous_secret_until(webhook))


def _with_secret(webhook: WebhookDocument) -> WebhookWithSecret:
    return WebhookWithSecret.of(
        webhook, previous_secret_until=_previous_secret_until(webhook), secret=webhook.signing_keys[0].secret
    )
