"""Types of the fields of requests."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from shared.shown import Shown
from shared.text import mixes_scripts


def _one_alphabet(name: str) -> str:
    """Refuse a name that is made to look like another one."""
    if mixes_scripts(name):
        raise ValueError("a word mixes letters of several alphabets, or of forms that look like others")
    return name


Email = Annotated[str, StringConstraints(min_length=3, max_length=254)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
RefreshToken = Annotated[str, StringConstraints(min_length=1, max_length=256)]
DeviceToken = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
LinkToken = Annotated[str, StringConstraints(min_length=1, max_length=256)]
SecondFactorCode = Annotated[str, StringConstraints(pattern=r"^([0-9]{6}|[a-z2-7]{4}(-[a-z2-7]{4}){5})$")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    Shown,
    AfterValidator(_one_alphabet),
]
Moment = Annotated[AwareDatetime, Field(strict=False)]
REVOKE_MADE_SINCE: Final[Any] = Field(
    default=None,
    description="API keys made since then are revoked, webhooks made or changed since then disabled, and invitations "
    "made since then void",
)
"""Of what ends every session: a thief of one of them may have made what does not end with it."""
