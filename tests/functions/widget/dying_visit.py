"""A process that starts a try-on of a visit and exits hard beside its charge; run by `test_widget.py`."""

import os
import sys
from typing import Any

from functions.widget import service
from functions.widget.models import VisitTryOnRequest
from shared.documents import store

dies, token, origin = sys.argv[1:]
batch: Any = store().batch


def dying(container: str, partition: str, operations: Any) -> Any:
    """The second batch creates the try-on; the first pays for it."""
    creates_tryon = len(operations) == 3
    if creates_tryon and dies == "before the try-on":
        os._exit(9)
    result = batch(container, partition, operations)
    if creates_tryon:
        os._exit(9)
    return result


stored: Any = store()
stored.batch = dying
visit = service.find_visit({"Authorization": f"Bearer {token}", "Origin": origin})
service.start_tryon(visit, "t-1", VisitTryOnRequest(product="SHIRT-1"), "request-1")
