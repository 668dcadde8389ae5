"""Requests and answers of the second factor."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from functions.auth.field_types import Password, SecondFactorCode
from shared.http.models import Answer, Body


class SecondFactorStart(Body):
    """The password, as proof."""

    password: Password


class SecondFactorConfirmation(Body):
    """Proof that the authenticator app has the secret."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class SecondFactorRemoval(Body):
    """Proof that it is the owner who removes the second factor."""

    password: Password
    code: SecondFactorCode


class SecondFactorSecret(Answer):
    """What an authenticator app needs."""

    secret: str = Field(description="base32")
    uri: str = Field(description="`otpauth://` URI, to show as a QR code")


class RecoveryCodes(Answer):
    """Codes that replace the authenticator app when it is lost; each works once. Shown this once."""

    recovery_codes: list[str]
