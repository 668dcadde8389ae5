"""Presigned drops: into the vendor's own folder, by a name that becomes a product, again and again."""

from __future__ import annotations

import pytest
import requests

from functions.catalogue.drop_uploads import DropRequest, presign_drop
from shared import blobs, clock
from shared.accounts.documents import Role
from shared.errors import Unprocessable
from shared.http.auth import Principal

ADA = Principal("ada", Role.VENDOR, "t", clock.now() + 60)


@pytest.mark.parametrize("name", ["TS-1.jpg", "TS-1.json", "a.b_c.heic"])
def test_a_file_is_uploaded_and_replaced(local: dict[str, str], name: str) -> None:
    where = presign_drop(ADA, DropRequest(name=name))
    for content in (b"first", b"second"):
        assert requests.put(where.url, data=content, headers=where.headers, timeout=30).status_code == 201
        assert blobs.get(blobs.VENDOR_UPLOADS, f"ada/{name}") == content
    assert requests.get(where.url, timeout=30).status_code == 403
    other = where.url.replace("/ada/", "/bob/")
    assert requests.put(other, data=b"x", headers=where.headers, timeout=30).status_code == 403


@pytest.mark.parametrize("name", ["../bob/TS-1.jpg", "a/b.jpg", ".jpg", "a b.jpg", "x" * 100 + ".jpg"])
def test_a_name_that_becomes_no_product_is_refused_before_the_upload(local: dict[str, str], name: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        presign_drop(ADA, DropRequest(name=name))
    assert refused.value.code == "bad_name"
