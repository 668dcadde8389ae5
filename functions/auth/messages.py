"""Messages to users about their accounts: requested here, written and sent by the worker of the `accounts` queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from functions.auth.documents import AccountMessage, AccountMessagePayload, GuessBudget, guess_budgets
from shared import clock
from shared.documents.fields import increment, where
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed
from shared.jobs import protocol, queues
from shared.notifications.senders import EmailText
from shared.notifications.settings import notification_settings

MAX_AN_HOUR: Final = 5
"""Messages with a link to one address per hour, from all callers."""
_HOUR_S: Final = 3600


@dataclass(frozen=True)
class Text:
    """An e-mail; `{link}` is on a separate line."""

    subject: str
    text: str
    button: str | None = None


TEXTS: Final[Mapping[AccountMessage, Text]] = {
    AccountMessage.CONFIRM_EMAIL: Text(
        "Confirm your e-mail address",
        "Open this page on the device where you signed in, within two days, to confirm your e-mail address. If you did "
        "not register, do nothing: without your confirmation the account can't use your address.",
        "Confirm e-mail address",
    ),
    AccountMessage.RESET_PASSWORD: Text(
        "Reset your password",
        "You, or someone else, asked to reset the password of your account. The link works once, for 30 minutes. If it "
        "was not you, do nothing: your password stays as it is.",
        "Choose a new password",
    ),
    AccountMessage.INVITATION: Text(
        "You are invited to a shop",
        "You are invited to work in a shop on AI Fashion Studio. The link works once and for seven days.",
        "Accept the invitation",
    ),
    AccountMessage.PASSWORD_CHANGED: Text(
        "Your password was changed",
        "The password of your account was changed, and every session was ended. If it was not you, reset your password "
        "now and tell us.",
    ),
    AccountMessage.EMAIL_CHANGED: Text(
        "The e-mail address of your account was changed",
        "Your account has another e-mail address now; this one receives nothing more. If it was not you, tell us now.",
    ),
    AccountMessage.SECOND_FACTOR_ON: Text(
        "Signing in takes a code now",
        "An authenticator app was added to your account. If it was not you, reset your password now and tell us.",
    ),
    AccountMessage.SECOND_FACTOR_OFF: Text(
        "Signing in takes no code any more",
        "The authenticator app was removed from your account. If it was not you, reset your password now and tell us.",
    ),
    AccountMessage.GUESSING: Text(
        "Someone tries to guess your password",
        "Many wrong passwords were entered for your account today. Your devices go on working. On a new one, use "
        '"Forgot password" to sign in for the rest of the day. If your password is short or used elsewhere, change it.',
    ),
}
ADDRESS_IN_USE: Final = Text(
    "You have an account already",
    "Someone, perhaps you, registered with this e-mail address, which has an account. If it was you, sign in, or reset "
    "your password if you have forgotten it. If not, do nothing: no one got access to your account.",
)
PHONE_CODE: Final = "AI Fashion Studio: {code} is your code. It is valid for 10 minutes. We never ask you for it."


def write(text: Text, link: str | None) -> EmailText:
    """The e-mail of a text, with its link."""
    button = f'<p><a href="{escape(link)}">{escape(text.button)}</a></p>' if link and text.button else ""
    return EmailText(
        text.subject,
        f"{text.text}\n" + (f"\n{link}\n" if link else ""),
        '<div style="font-family:sans-serif;max-width:32rem;margin:auto">'
        f'<h1 style="font-size:1.3rem">{escape(text.subject)}</h1><p>{escape(text.text)}</p>{button}</div>',
    )


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
    job = protocol.new_job(
        f"account.{message}",
        queues.ACCOUNTS,
        partition(email_hash),
        AccountMessagePayload(message=message, user_id=user_id, email_hash=email_hash, link_id=link_id),
        request_id=request_id,
    )
    protocol.enqueue(protocol.jobs.create(job))


def may_send_link(email_hash: str) -> bool:
    """Count a message with a link to an address; whether it may be sent."""
    at = clock.now()
    id = f"messages:{email_hash}:{int(at // _HOUR_S)}"
    below = (where(GuessBudget.attempts, "<", MAX_AN_HOUR),)
    for _ in range(2):
        try:
            guess_budgets.patch(id, id, increment(GuessBudget.attempts), where=below)
            return True
        except PreconditionFailed:
            return False
        except DocumentNotFound:
            try:
                guess_budgets.create(GuessBudget(id=id, n=1, ttl=2 * _HOUR_S))
                return True
            except DocumentConflict:
                continue
    return False


def partition(email_hash: str) -> str:
    """Where the jobs of messages to an address are stored."""
    return f"address:{email_hash}"
