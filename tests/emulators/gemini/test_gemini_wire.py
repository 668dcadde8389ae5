"""The Gemini emulator driven by the real google-genai SDK."""

import base64
import io
import json
import uuid
from functools import cache
from typing import Any

import httpx2
import pytest
import requests
from google import genai
from google.genai import errors, types
from PIL import Image, ImageDraw

pytestmark = pytest.mark.processes

MODEL = "some-image-model"


@pytest.fixture(scope="module")
def gemini(emulated: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return emulated["gemini"]


def client_for(facts: dict[str, Any], *, key: str | None = None, version: str = "v1beta") -> genai.Client:
    return _client(facts["url"], key or facts["apiKey"], version)


@cache
def _client(url: str, key: str, version: str) -> genai.Client:
    options = types.HttpOptions(base_url=url, api_version=version, timeout=20_000)
    return genai.Client(api_key=key, http_options=options)


def jpeg(size: tuple[int, int], background: str, shape: str) -> bytes:
    image = Image.new("RGB", size, background)
    ImageDraw.Draw(image).rectangle((size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4), fill=shape)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95)
    return out.getvalue()


PERSON, GARMENT = jpeg((300, 400), "navy", "gray"), jpeg((200, 200), "white", "red")


def ask(
    facts: dict[str, Any],
    text: str,
    *,
    timeout: int = 20_000,
    client: genai.Client | None = None,
    **image: str,
) -> types.GenerateContentResponse:
    client = client or client_for(facts)
    config = types.GenerateContentConfig(
        response_modalities=["TEXT", "IMAGE"],
        image_config=types.ImageConfig(**image) if image else None,
        http_options=types.HttpOptions(timeout=timeout),
    )
    parts = [types.Part.from_bytes(data=data, mime_type="image/jpeg") for data in (PERSON, GARMENT)]
    return client.models.generate_content(model=MODEL, contents=[text, *parts], config=config)


def fault(facts: dict[str, Any], mode: str, **more: Any) -> str:
    """Plan a fault for one prompt only; returns that prompt."""
    text = f"dress them {uuid.uuid4().hex}"
    posted = requests.post(f"{facts['url']}/_emulator/faults", json={"mode": mode, "match": text, **more}, timeout=5)
    assert posted.status_code == 201, posted.text
    return text


def image_of(answer: types.GenerateContentResponse) -> types.Blob:
    assert answer.candidates and answer.candidates[0].content and answer.candidates[0].content.parts
    found = [part.inline_data for part in answer.candidates[0].content.parts if part.inline_data]
    assert len(found) == 1
    return found[0]


def test_answers_a_picture_of_the_garment_on_the_person(gemini):
    answer = ask(gemini, "put it on")
    blob = image_of(answer)
    assert blob.mime_type == "image/jpeg" and blob.data
    picture = Image.open(io.BytesIO(blob.data)).convert("RGB")
    assert picture.width / picture.height == pytest.approx(3 / 4, abs=0.02)
    reddest = max(colour for _, colour in picture.quantize(8).convert("RGB").getcolors())
    assert reddest[0] > 200 > 80 > reddest[1]
    assert picture.getpixel((5, 5))[2] > 90 > picture.getpixel((5, 5))[0]
    assert answer.text and answer.model_version == MODEL and answer.response_id
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata.candidates_token_count == 1120
    assert answer.usage_metadata.prompt_token_count > 2 * 1120


def test_same_inputs_make_the_same_picture(gemini):
    assert image_of(ask(gemini, "again")).data == image_of(ask(gemini, "and again")).data


@pytest.mark.parametrize(("ratio", "size", "width", "height"), [("9:16", "512", 384, 688), ("1:1", "1K", 1024, 1024)])
def test_honours_the_image_config(gemini, ratio, size, width, height):
    blob = image_of(ask(gemini, "sized", aspect_ratio=ratio, image_size=size))
    assert Image.open(io.BytesIO(blob.data)).size == (width, height)


def test_refuses_an_unknown_aspect_ratio(gemini):
    with pytest.raises(errors.ClientError) as caught:
        ask(gemini, "sized", aspect_ratio="5:7")
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_serves_both_api_versions(gemini, version):
    client = client_for(gemini, version=version)
    assert image_of(ask(gemini, "version", client=client)).data
    assert client.models.get(model=MODEL).name == f"models/{MODEL}"


@pytest.mark.parametrize("spelling", ["snake", "camel"])
def test_reads_both_spellings_both_alphabets_and_chunks(gemini, spelling):
    snake = spelling == "snake"
    encode = base64.urlsafe_b64encode if snake else base64.standard_b64encode
    inline = {"mime_type" if snake else "mimeType": "image/jpeg", "data": encode(PERSON).decode()}
    body = {"contents": [{"parts": [{"text": "raw"}, {"inline_data" if snake else "inlineData": inline}]}]}
    config = {"image_config": {"image_size": "512"}} if snake else {"imageConfig": {"imageSize": "512"}}
    body["generation_config" if snake else "generationConfig"] = config
    raw = json.dumps(body).encode()
    chunks = (raw[at : at + 4096] for at in range(0, len(raw), 4096))
    url = f"{gemini['url']}/v1beta/models/{MODEL}:generateContent"
    answer = requests.post(url, data=chunks, headers={"x-goog-api-key": gemini["apiKey"]}, timeout=20)
    assert answer.status_code == 200, answer.text
    data = base64.b64decode(answer.json()["candidates"][0]["content"]["parts"][1]["inlineData"]["data"])
    assert max(Image.open(io.BytesIO(data)).size) < 700


def test_wants_a_known_key(gemini):
    with pytest.raises(errors.ClientError) as caught:
        ask(gemini, "key", client=client_for(gemini, key="wrong"))
    assert caught.value.code == 400
    assert caught.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    url = f"{gemini['url']}/v1beta/models/{MODEL}:generateContent"
    assert requests.post(url, json={}, timeout=5).status_code == 403


def test_refuses_what_is_not_an_image_and_what_is_not_json(gemini):
    with pytest.raises(errors.ClientError, match="Unable to process input image"):
        client_for_it = client_for(gemini)
        part = types.Part.from_bytes(data=b"no picture", mime_type="image/jpeg")
        client_for_it.models.generate_content(model=MODEL, contents=["x", part])
    url = f"{gemini['url']}/v1beta/models/{MODEL}:generateContent"
    for body in (b"{", b"[]", b'{"contents":[]}', b'{"contents":[{"parts":[{"inlineData":{"data":"*"}}]}]}'):
        answer = requests.post(url, data=body, headers={"x-goog-api-key": gemini["apiKey"]}, timeout=5)
        assert answer.status_code == 400 and answer.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("no_image", types.FinishReason.NO_IMAGE),
        ("image_safety", types.FinishReason.IMAGE_SAFETY),
        ("safety", types.FinishReason.SAFETY),
        ("prohibited", types.FinishReason.IMAGE_PROHIBITED_CONTENT),
        ("recitation", types.FinishReason.IMAGE_RECITATION),
        ("max_tokens", types.FinishReason.MAX_TOKENS),
    ],
)
def test_finish_reasons_come_without_content(gemini, mode, reason):
    answer = ask(gemini, fault(gemini, mode))
    assert answer.candidates[0].finish_reason == reason and answer.candidates[0].content is None


def test_prompt_block_has_no_candidates(gemini):
    answer = ask(gemini, fault(gemini, "prompt_block"))
    assert not answer.candidates
    assert answer.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT


def test_thoughts_come_before_the_picture(gemini):
    answer = ask(gemini, fault(gemini, "thoughts"))
    parts = answer.candidates[0].content.parts
    assert parts[0].thought and parts[0].thought_signature and image_of(answer).data


def test_text_only_says_stop_without_picture(gemini):
    answer = ask(gemini, fault(gemini, "text_only"))
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert not any(part.inline_data for part in answer.candidates[0].content.parts)


def test_429_carries_retry_info(gemini):
    text = fault(gemini, "429", retryDelay=3)
    with pytest.raises(errors.ClientError) as caught:
        ask(gemini, text)
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")
    infos = [one for one in caught.value.details["error"]["details"] if one["@type"].endswith("RetryInfo")]
    assert infos[0]["retryDelay"] == "3s"


@pytest.mark.parametrize(("mode", "kind"), [("500", errors.ServerError), ("404", errors.ClientError)])
def test_error_statuses(gemini, mode, kind):
    with pytest.raises(kind) as caught:
        ask(gemini, fault(gemini, mode))
    assert caught.value.code == int(mode)


def test_fails_n_times_and_then_works(gemini):
    text = fault(gemini, "503", times=2, retryDelay=7)
    for _ in range(2):
        with pytest.raises(errors.ServerError) as caught:
            ask(gemini, text)
        assert caught.value.response.headers["Retry-After"] == "7"
    assert image_of(ask(gemini, text)).data


def test_faults_for_ever_until_cleared(gemini):
    text = fault(gemini, "500", times=None)
    for _ in range(3):
        with pytest.raises(errors.ServerError):
            ask(gemini, text)
    requests.delete(f"{gemini['url']}/_emulator/faults", params={"match": text}, timeout=5)
    assert image_of(ask(gemini, text)).data


def test_html_502(gemini):
    with pytest.raises(errors.ServerError) as caught:
        ask(gemini, fault(gemini, "html"))
    assert caught.value.code == 502


def test_truncated_json(gemini):
    with pytest.raises(json.JSONDecodeError):
        ask(gemini, fault(gemini, "truncated"))


def test_wrong_mime_and_no_image(gemini):
    assert image_of(ask(gemini, fault(gemini, "wrong_mime"))).mime_type == "application/octet-stream"
    blob = image_of(ask(gemini, fault(gemini, "not_image")))
    with pytest.raises(OSError):
        Image.open(io.BytesIO(blob.data))


def test_slow_answers_late_and_hang_never(gemini):
    assert image_of(ask(gemini, fault(gemini, "slow", seconds=0.1))).data
    with pytest.raises(httpx2.ReadTimeout):
        ask(gemini, fault(gemini, "hang"), timeout=300)
    with pytest.raises(httpx2.RemoteProtocolError):
        ask(gemini, fault(gemini, "disconnect"))


def test_log_has_what_came_but_neither_images_nor_the_key(gemini):
    text = fault(gemini, "image_safety")
    ask(gemini, text)
    logged = requests.get(f"{gemini['url']}/_emulator/requests", params={"match": text}, timeout=5)
    assert gemini["apiKey"] not in logged.text and len(logged.text) < 4000
    (entry,) = logged.json()["requests"]
    assert entry["images"][0]["bytes"] == len(PERSON) and len(entry["images"][1]["sha256"]) == 64
    assert entry["fault"] == "image_safety" and entry["status"] == 200 and entry["model"] == MODEL


def test_refuses_an_unknown_fault(gemini):
    posted = requests.post(f"{gemini['url']}/_emulator/faults", json={"mode": "no such"}, timeout=5)
    assert posted.status_code == 400 and "image_safety" in posted.json()["error"]
