"""Requests and answers of e-mail addresses and phone numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from functions.auth.field_types import Email, LinkToken, Password
from shared.http.models import Answer, Body


class EmailChange(Body):
    """A new e-mail address, and the password as proof."""

    email: Email
    password: Password


class EmailConfirmation(Body):
    """Proof that an e-mail address is the user's."""

    token: LinkToken


class PhoneConfirmation(Body):
    """Proof that a phone number is the user's."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] = Field(description="six digits of the SMS")


class Accepted(Answer):
    """The request was accepted; a message is on its way if there is anyone to send it to."""

    accepted: Literal[True] = True
