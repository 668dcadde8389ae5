"""The size of a body that the host reads in Azure: what the routes take, and no more."""

from __future__ import annotations

import re
from pathlib import Path

from functions.paypal_webhook import service as paypal
from functions.upload.receive import OVERHEAD_BYTES
from shared import function_index
from shared.http.routes import ROUTES
from shared.images.settings import ImageSettings
from shared.tables import upload

API = Path(__file__).resolve().parents[2] / "infra" / "app" / "api.bicep"


def test_the_host_reads_the_largest_body_of_a_route_and_no_more() -> None:
    function_index.load_all()
    images = ImageSettings().upload_max_bytes + OVERHEAD_BYTES
    tables = upload.MAX_BYTES
    largest = max(images, tables, paypal.MAX_BYTES, *(route.max_json_bytes for route in ROUTES))
    found = re.search(r"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '(\d+)'", API.read_text())
    assert found is not None
    assert int(found[1]) == largest
