"""The worker of the `accounts` queue: e-mails and SMS about accounts, written when they are sent."""

from __future__ import annotations

from functions.auth import derived, links, messages, outliving
from functions.auth.documents import (
    LinkDocument,
    LinkId,
    LinkPurpose,
    PhoneCodeId,
    phone_codes,
)
from functions.auth.documents import links as stored_links
from shared import clock, telemetry
from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument, accounts
from shared.commerce import ceilings
from shared.commerce.ceilings import Spending
from shared.jobs.models import Job
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task
from shared.notifications.account_message_payload import AccountMessagePayload
from shared.notifications.account_messages import NOTICES, AccountMessage
from shared.notifications.senders import Skipped, send_email, send_sms
from shared.notifications.settings import notification_settings


class AccountMessageStep(Step):
    """The step of the `accounts` queue."""

    def run(self, task: Task) -> Outcome:
        """Send the message, unless its recipient no longer exists."""
        payload = task.payload_as(AccountMessagePayload)
        try:
            if payload.message is AccountMessage.PHONE_CODE:
                _send_code(payload)
            else:
                _send_email(task, payload)
        except Skipped as skipped:
            telemetry.log("account_message.skipped", level="warning", reason=str(skipped))
        return Outcome()

    def push(self, job: Job) -> None:
        """Send nothing: no page is open for it."""


def _send_code(payload: AccountMessagePayload) -> None:
    id = PhoneCodeId.of(str(payload.user_id))
    code = phone_codes.find(id, id)
    digits = code and derived.digits(f"{code.id}:{code.nonce}:{code.phone}", code.kid)
    if code is None or digits is None or code.expires_at <= clock.now():
        return
    ceilings.take(Spending.SMS, code.phone)
    send_sms(code.phone, messages.PHONE_CODE.format(code=digits))
    telemetry.count("studio_account_messages", message=payload.message)


def _send_email(task: Task, payload: AccountMessagePayload) -> None:
    link = _link(task, payload)
    text, href, address = messages.TEXTS[payload.message], None, None
    if link is not None:
        address, href = link.email, links.address_of(link, notification_settings().app_url)
        if payload.message is AccountMessage.EMAIL_CHANGED:
            address, href = link.previous_email, None
        elif payload.message is AccountMessage.CONFIRM_EMAIL and _is_owned_by_another(link):
            text, href = messages.ADDRESS_IN_USE, None
    elif payload.message in (AccountMessage.CONFIRM_EMAIL, AccountMessage.RESET_PASSWORD, AccountMessage.INVITATION):
        return
    elif payload.user_id is not None:
        account = accounts.find(payload.user_id, payload.user_id)
        address = account.email if account is not None and account.email_confirmed else None
    if address is None:
        return
    if payload.message in NOTICES and task.job.attempt == 1 and not messages.may_send_notice(str(payload.user_id)):
        telemetry.log("account_message.enough", reason=payload.message)
        return
    is_for_a_stranger = payload.message in (AccountMessage.CONFIRM_EMAIL, AccountMessage.INVITATION)
    ceilings.take(Spending.EMAIL, share=ceilings.STRANGERS_SHARE if is_for_a_stranger else 1.0)
    send_email(address, messages.write(text, href, _more(payload)), task.job.id.public, clock.now())
    telemetry.count("studio_account_messages", message=payload.message)


def _more(payload: AccountMessagePayload) -> str:
    """What else an owner has to know who may have been robbed: what goes on without sessions."""
    if payload.message not in (AccountMessage.PASSWORD_CHANGED, AccountMessage.SESSION_REUSED):
        return ""
    return outliving.described(str(payload.user_id))


def _link(task: Task, payload: AccountMessagePayload) -> LinkDocument | None:
    """The link that a message is about; one to reset a password is created here, if there is an account."""
    if payload.link_id is not None:
        id = LinkId.of(payload.link_id)
        return stored_links.find(id, id)
    if payload.message is not AccountMessage.RESET_PASSWORD or payload.email_hash is None:
        return None
    account = lifecycle.find_account_by_email(payload.email_hash)
    account = account or lifecycle.find_unconfirmed_account(payload.email_hash)
    if account is None or account.disabled:
        return None
    return _reset_link(task.job, account)


def _reset_link(job: Job, account: AccountDocument) -> LinkDocument:
    id = f"reset-{job.id.public}"
    return links.create(id, LinkPurpose.RESET_PASSWORD, account.id, account.email, account.email_hash)


def _is_owned_by_another(link: LinkDocument) -> bool:
    owner = lifecycle.find_account_by_email(link.email_hash)
    return owner is not None and owner.email_confirmed and owner.id != link.user_id
