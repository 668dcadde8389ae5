"""Cross-origin rules in a browser, with one allowed origin as in Azure."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from pictures import garment_photo, person_photo

from demo.client import Client
from emulators.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.processes, pytest.mark.early]

READ = """async (url) => {
  try {
    const answer = await fetch(url, { headers: { Authorization: "Bearer none" } });
    return [answer.status, answer.headers.get("X-Request-Id") !== null];
  } catch (error) {
    return [error.name, false];
  }
}"""
PUT = """async (url) => {
  try {
    return (await fetch(url, { method: "PUT", headers: { "x-ms-blob-type": "BlockBlob" }, body: "x" })).status;
  } catch (error) {
    return error.name;
  }
}"""


def test_only_a_page_at_the_allowed_origin_may_call_the_api(
    browser: Browser, stack: Stack, page_url: str, other_origin: str
) -> None:
    storage = dict(part.split("=", 1) for part in stack.storage.split(";") if part)
    api, blob = f"{stack.url}/api", f"{storage['BlobEndpoint']}/uploads/test-origins"
    for origin, private, upload in ((page_url, [401, True], 403), (other_origin, ["TypeError", False], "TypeError")):
        page = browser.new_page()
        page.goto(origin)
        assert page.evaluate(READ, f"{api}/auth/me") == private
        # without a signature the storage refuses; the browser shows the answer to an allowed origin only
        assert page.evaluate(PUT, blob) == upload
        assert page.evaluate(READ, f"{api}/shops/default/products")[0] == 200, "the shop window is open to any page"
        page.close()


SHOP_PAGE = """async ({ api, token, photos }) => {
  const authorization = { Authorization: `Bearer ${token}` };
  const named = ["Location", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-Request-Id",
    "ETag", "Idempotency-Replayed"];
  const read = (answer) => Object.fromEntries(named.map((name) => [name, answer.headers.get(name)]));
  const post = (path, body, headers = {}) => fetch(`${api}/${path}`, {
    method: "POST", headers: { "Content-Type": "application/json", ...authorization, ...headers },
    body: body === null ? null : JSON.stringify(body),
  });
  const upload = async (kind, photo) => {
    const where = await (await post("files/presign", { contentType: "image/jpeg", kind, name: `${kind}.jpg` })).json();
    // The headers with which @azure/storage-blob 12.32 uploads under a condition.
    const put = await fetch(where.url, {
      method: "PUT",
      body: Uint8Array.from(atob(photo), (one) => one.charCodeAt(0)),
      headers: {
        ...where.headers, "if-none-match": "*", "x-ms-blob-content-type": "image/jpeg", "x-ms-version": "2025-11-05",
        "x-ms-client-request-id": crypto.randomUUID(), "x-ms-useragent": "azsdk-js-azure-storage-blob/12.32.0",
      },
    });
    const stored = [put.status, put.headers.get("ETag") !== null, put.headers.get("x-ms-request-id") !== null];
    return [stored, await (await post(`files/${where.id}/complete`, null)).json()];
  };
  const [personStored, person] = await upload("person", photos.person);
  const [garmentStored, garment] = await upload("garment", photos.garment);
  const { url, subprotocol } = await (await fetch(`${api}/notifications/negotiate`, { headers: authorization })).json();
  const socket = new WebSocket(url, subprotocol);
  const message = new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "message" && JSON.stringify(frame.data).includes("completed")) resolve(true);
    };
  });
  await new Promise((resolve) => { socket.onopen = resolve; });
  const wanted = { userImageId: person.id, clothImageId: garment.id };
  const key = { "Idempotency-Key": crypto.randomUUID() };
  const created = await post("conversions", wanted, key);
  const again = await post("conversions", wanted, key);
  const { id, jobId } = await created.json();
  await message;
  const job = await fetch(`${api}/jobs/${jobId}?wait=20`, { headers: authorization });
  const conversion = await fetch(`${api}/conversions/${id}`, { headers: authorization });
  const etag = conversion.headers.get("ETag");
  const result = await conversion.json();
  const unchanged = await fetch(`${api}/conversions/${id}`, {
    headers: { ...authorization, "If-None-Match": etag }, cache: "no-store",
  });
  const picture = await fetch(result.resultImage.original.url);
  return {
    stored: [personStored, garmentStored], created: [created.status, read(created)], again: [again.status, read(again)],
    job: (await job.json()).status, conversion: read(conversion), unchanged: unchanged.status, result,
    picture: [picture.status, (await picture.blob()).size > 1000],
  };
}"""


def test_a_page_at_another_origin_uploads_converts_follows_and_reads_headers(
    browser: Browser, stack: Stack, page_url: str, sign_up: Callable[..., Client]
) -> None:
    token = str(sign_up().session.headers["Authorization"]).removeprefix("Bearer ")
    photos = {"person": person_photo(), "garment": garment_photo()}
    encoded = {kind: base64.b64encode(photo).decode() for kind, photo in photos.items()}
    page = browser.new_page()
    page.goto(page_url)
    done: dict[str, Any] = page.evaluate(
        SHOP_PAGE, {"api": f"{stack.url}/api", "token": token, "photos": encoded}
    )  # fmt: skip
    page.close()
    assert done["stored"] == [[201, True, True]] * 2
    status, headers = done["created"]
    assert status == 202
    assert headers["Location"] == f"/api/conversions/{done['result']['id']}"
    limits = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    assert all(int(headers[name]) >= 0 for name in ("Retry-After", *limits))
    assert headers["X-Request-Id"]
    assert headers["Idempotency-Replayed"] is None
    status, headers = done["again"]
    assert (status, headers["Idempotency-Replayed"]) == (202, "true")
    assert done["job"] == done["result"]["status"] == "completed"
    assert done["conversion"]["ETag"]
    assert done["unchanged"] == 304
    assert done["picture"] == [200, True]
