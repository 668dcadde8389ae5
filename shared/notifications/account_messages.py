"""Messages to users about their accounts: requested here, written and sent by the worker of the `accounts` queue."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.accounts.documents import accounts
from shared.notifications.settings import notification_settings


class AccountMessage(StrEnum):
    """Messages to a user about their account, by e-mail or SMS."""

    CONFIRM_EMAIL = "confirm_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105
    INVITATION = "invitation"
    PHONE_CODE = "phone_code"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    EMAIL_CHANGED = "email_changed"
    PHONE_CHANGED = "phone_changed"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    API_KEY = "api_key"
    WEBHOOK = "webhook"
    SESSION_REUSED = "session_reused"
    GUESSING = "guessing"


NOTICES: Final = frozenset(
    {
        AccountMessage.PASSWORD_CHANGED,
        AccountMessage.PHONE_CHANGED,
        AccountMessage.SECOND_FACTOR_ON,
        AccountMessage.SECOND_FACTOR_OFF,
        AccountMessage.API_KEY,
        AccountMessage.WEBHOOK,
        AccountMessage.SESSION_REUSED,
    }
)
"""Messages that tell an owner what was done in their account; anyone who is signed in to it can cause them."""


def send(
    message: AccountMessage,
    email_hash: str,
    *,
    user_id: str | None = None,
    link_id: str | None = None,
    request_id: str | None = None,
) -> None:
    """Have the worker send a message. The same work whether or not there is anyone to send it to.

    Args:
        email_hash: hash of the address that it is about; the job is stored under it, so that it is erased with the
            account and is visible to no one before.
    """
    conf = notification_settings()
    if (conf.twilio_auth_token if message is AccountMessage.PHONE_CODE else conf.email_connection) is None:
        return
    # A process's first request imports nothing of jobs for a message that no one sends.
    from shared.jobs import protocol, queues
    from shared.notifications.account_message_payload import AccountMessagePayload

    job = protocol.new_job(
        f"account.{message}",
        queues.ACCOUNTS,
        partition(email_hash),
        AccountMessagePayload(message=message, user_id=user_id, email_hash=email_hash, link_id=link_id),
        request_id=request_id,
    )
    protocol.enqueue(protocol.jobs.create(job))


def notify_owner(user_id: str, message: AccountMessage) -> None:
    """Send one of the `NOTICES` to the owner of an account, if it still exists."""
    account = accounts.find(user_id, user_id)
    if account is not None:
        send(message, account.email_hash, user_id=user_id)


def partition(email_hash: str) -> str:
    """Where the jobs of messages to an address are stored."""
    return f"address:{email_hash}"
