"""What a message to a user about their account is sent from."""

from pydantic import Field

from shared.documents.model import Record
from shared.notifications.account_messages import AccountMessage


class AccountMessagePayload(Record, frozen=True):
    """What a job of the `accounts` queue sends. Addresses and secrets are found when it is sent, and not stored."""

    message: AccountMessage
    user_id: str | None = Field(default=None, description="whose account it is about")
    email_hash: str | None = Field(default=None, description="for whose address a link was asked for")
    link_id: str | None = None
