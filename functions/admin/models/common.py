"""Types that several requests of administration use."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from shared.shown import Shown

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500), Shown]
"""Why an administrator does something, for the audit log."""
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z._-]{0,63}$")]
"""The kind of a job."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^/\\?#\x00-\x1f]+$")]
"""An id as stored."""
