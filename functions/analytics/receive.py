"""Reading a table off the request: the CSV as the body."""

from __future__ import annotations

import azure.functions as func

from functions.analytics.service import Upload
from shared.errors import UnsupportedMedia

KINDS = ("text/csv", "application/csv", "application/vnd.ms-excel")
"""What browsers and command lines call a CSV."""


def table(req: func.HttpRequest) -> Upload:
    """The body. Raises UnsupportedMedia when it is not called a CSV."""
    kind = (req.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if kind not in KINDS:
        raise UnsupportedMedia("send the table as the body, with the content type `text/csv`", field="Content-Type")
    return Upload(req.get_body(), kind)
