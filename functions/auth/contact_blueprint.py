"""HTTP triggers that confirm and change e-mail addresses and phone numbers."""

from __future__ import annotations

import azure.functions as func

from functions.auth.contact_models import Accepted, EmailChange, EmailConfirmation, PhoneConfirmation
from functions.auth.profile_models import Profile
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(bp, "POST", "auth/me/email/confirmation", access=SIGNED_IN, status=202, answer=Accepted, errors=(409, 503))
def auth_email_confirmation(call: Call) -> Accepted:
    """Send e-mail confirmation again"""
    from functions.auth import contact

    return contact.send_confirmation_again(call.caller, call.request_id)


@endpoint(bp, "POST", "auth/me/email/confirm", access=SIGNED_IN, body=EmailConfirmation, answer=Profile, errors=(409,))
def auth_email_confirm(call: Call) -> Profile:
    """Confirm e-mail address

    By the token of the link, signed in to the account that it was sent for.
    """
    from functions.auth import contact, profile

    return profile.of(contact.confirm_email(call.caller, call.body.token, call.ip))


@endpoint(
    bp, "POST", "auth/me/email", access=SIGNED_IN, status=202, limit="auth",
    body=EmailChange, answer=Accepted, errors=(403, 503),
)  # fmt: skip
def auth_email_change(call: Call) -> Accepted:
    """Change e-mail address

    Sends a link to the new address; the change happens when it is confirmed, and the old address is informed.
    """
    from functions.auth import service

    return service.change_email(call.caller, call.body, call.ip, call.request_id)


@endpoint(bp, "POST", "auth/me/phone/code", access=SIGNED_IN, status=202, answer=Accepted, errors=(403, 409))
def auth_phone_code(call: Call) -> Accepted:
    """Send phone confirmation code

    By SMS, to the phone number of the account.
    """
    from functions.auth import contact

    return contact.send_code(call.caller, call.request_id)


@endpoint(bp, "POST", "auth/me/phone/confirm", access=SIGNED_IN, body=PhoneConfirmation, answer=Profile)
def auth_phone_confirm(call: Call) -> Profile:
    """Confirm phone number"""
    from functions.auth import contact, profile

    return profile.of(contact.confirm_phone(call.caller, call.body.code, call.ip))
