"""The audit log: who did what to what; append only, ids and no personal data but addresses."""

from typing import Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from shared import clock, telemetry
from shared.documents.model import StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.errors import DocumentConflict


class AuditEntry(StoredDocument, frozen=True):
    """One action. Facts of the action are further fields of the document."""

    model_config = ConfigDict(extra="allow")

    container: ClassVar[str] = "audit"

    type: Literal["audit"] = "audit"
    user_id: str = Field(description="the user who acted, or whom it concerns; the partition")
    action: str = Field(description="stable upper-case name, `LOGIN`")
    subject: str | None = Field(default=None, description="id of what was acted on")
    ip: str | None = Field(default=None, description="the caller's address")
    email_hash: str | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="SHA-256 of the e-mail address of a sign-in, hex",
    )
    at: Timestamp

    @property
    def facts(self) -> dict[str, Any]:
        """The facts of the action."""
        extra = {name: value for name, value in (self.model_extra or {}).items() if not name.startswith("_")}
        return extra if self.email_hash is None else {**extra, "emailHash": self.email_hash}


audit_entries: Final = Repository(AuditEntry)


def record(
    user_id: str,
    action: str,
    *,
    subject: str | None = None,
    ip: str | None = None,
    id: str | None = None,
    **facts: Any,
) -> None:
    """Append an entry under the user it concerns.

    Args:
        action: stable upper-case name, `LOGIN` or `CONVERSION_REQUESTED`.
        subject: id of what was acted on.
        ip: caller's address; kept for a year, as most jurisdictions require for sign-ins.
        id: fixed where the action may be repeated but is recorded once; a ULID by default.
        facts: JSON-serialisable, by the names that administrators see.
    """
    own = {"id": id or clock.new_id(), "user_id": user_id, "action": action, "subject": subject, "ip": ip}
    entry = AuditEntry.model_validate({**facts, **own, "at": clock.iso()})
    try:
        audit_entries.create(entry)
    except DocumentConflict:
        if id is None:
            raise
        return
    telemetry.count("studio_audit", action=action)
