"""The texts of messages to users about their accounts, and how many are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from functions.auth.documents import GuessBudget, LinkPurpose, guess_budgets
from functions.auth.links import LIFETIME_S
from shared import clock
from shared.documents.fields import increment, where
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed
from shared.notifications.account_messages import AccountMessage
from shared.notifications.senders import EmailText

MAX_AN_HOUR: Final = 5
"""Messages of one purpose with a link to one address per hour, from all callers."""
MAX_RESETS: Final = 3
"""Messages that reset a password to one address, from all callers, in the time that such a link works. So who asks
for them all leaves the owner links that work until more may be sent."""
NOTICES_AN_HOUR: Final = 10
"""Messages to one owner per hour about what was done in the account: no one spends everyone's e-mails by doing the
same again and again, and the first of them are what an owner needs."""
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
    AccountMessage.PHONE_CHANGED: Text(
        "The phone number of your account was changed",
        "The phone number of your account was changed or removed. If it was not you, reset your password now and tell "
        "us.",
    ),
    AccountMessage.API_KEY: Text(
        "An API key of your account was made",
        "An API key was made in your account, or got a new text. It goes on working when you sign out. If it was not "
        "you, reset your password now, end what was made since, and tell us.",
    ),
    AccountMessage.WEBHOOK: Text(
        "A webhook of your account was added or changed",
        "A webhook was added to your account, or an existing one got another address or secret. It goes on receiving "
        "events when you sign out. If it was not you, reset your password now, end what was made since, and tell us.",
    ),
    AccountMessage.SESSION_REUSED: Text(
        "A session of your account was ended",
        "The sign-in of one of your devices was used a second time, as after a theft, so it was ended. After a lost "
        "connection that can happen to an honest device. If you know of nothing of the kind, reset your password.",
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


def write(text: Text, link: str | None, more: str = "") -> EmailText:
    """The e-mail of a text, with its link and another paragraph."""
    button = f'<p><a href="{escape(link)}">{escape(text.button)}</a></p>' if link and text.button else ""
    paragraph = f"<p>{escape(more)}</p>" if more else ""
    return EmailText(
        text.subject,
        f"{text.text}\n" + (f"\n{more}\n" if more else "") + (f"\n{link}\n" if link else ""),
        '<div style="font-family:sans-serif;max-width:32rem;margin:auto">'
        f'<h1 style="font-size:1.3rem">{escape(text.subject)}</h1><p>{escape(text.text)}</p>{paragraph}{button}</div>',
    )


def may_send_link(email_hash: str, purpose: LinkPurpose) -> bool:
    """Count a message with a link to an address; whether it may be sent.

    Each purpose is counted apart: strangers register and invite any address, and must not use up what its owner needs
    to get in.
    """
    if purpose is LinkPurpose.RESET_PASSWORD:
        return _may_send(f"{purpose}:{email_hash}", MAX_RESETS, LIFETIME_S[purpose])
    return _may_send(f"{purpose}:{email_hash}", MAX_AN_HOUR)


def may_send_code(subject: str) -> bool:
    """Count a code by SMS, for an account or a phone number; whether it may be sent."""
    return _may_send(f"sms:{subject}", MAX_AN_HOUR)


def may_send_notice(user_id: str) -> bool:
    """Count a message to an owner about what was done in the account; whether it may be sent."""
    return _may_send(f"notices:{user_id}", NOTICES_AN_HOUR)


def _may_send(subject: str, limit: int, window_s: int = _HOUR_S) -> bool:
    at = clock.now()
    id = f"messages:{subject}:{int(at // window_s)}"
    below = (where(GuessBudget.attempts, "<", limit),)
    for _ in range(2):
        try:
            guess_budgets.patch(id, id, increment(GuessBudget.attempts), where=below)
            return True
        except PreconditionFailed:
            return False
        except DocumentNotFound:
            try:
                guess_budgets.create(GuessBudget(id=id, n=1, ttl=2 * window_s))
                return True
            except DocumentConflict:
                continue
    return False
