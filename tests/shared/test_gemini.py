"""What each outcome of Gemini means to us: the real SDK against the emulator, fault by fault."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image

from shared.errors import StudioError
from shared.gemini.answers import GeneratedImage, InlineImage
from shared.gemini.client import Gemini


def photo(colour: str) -> InlineImage:
    buffer = io.BytesIO()
    Image.new("RGB", (96, 128), colour).save(buffer, "JPEG")
    return InlineImage(buffer.getvalue(), "image/jpeg")


PERSON, GARMENT = photo("tan"), photo("navy")


@pytest.fixture(scope="module")
def emulator(emulated: dict[str, dict[str, Any]]) -> Iterator[str]:
    facts = emulated["gemini"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEMINI_API_KEY", facts["apiKey"])
        yield facts["url"]


@pytest.fixture
def gemini(local: dict[str, str], emulator: str, monkeypatch: pytest.MonkeyPatch) -> Gemini:
    from shared.settings import forget

    monkeypatch.setenv("GEMINI_BASE_URL", emulator)
    monkeypatch.setenv("GEMINI_TIMEOUT_S", "60")
    forget()
    return Gemini()


def generate_under(gemini: Gemini, emulator: str, **fault: Any) -> StudioError | GeneratedImage:
    prompt = secrets.token_hex(6)
    requests.post(
        f"{emulator}/_emulator/faults", json={"match": prompt, "times": 1, **fault}, timeout=5
    ).raise_for_status()
    try:
        return gemini.generate(PERSON, GARMENT, prompt=prompt)
    except StudioError as error:
        return error


def test_a_picture_comes_back(gemini: Gemini, emulator: str) -> None:
    made = gemini.generate(PERSON, GARMENT, aspect_ratio="3:4", seed=7)
    image = Image.open(io.BytesIO(made.data))
    assert image.width / image.height == pytest.approx(3 / 4, abs=0.03)
    assert made.tokens > 0


def test_thoughts_and_unknown_fields_are_passed_over(gemini: Gemini, emulator: str) -> None:
    made = generate_under(gemini, emulator, mode="thoughts")
    assert isinstance(made, GeneratedImage)
    Image.open(io.BytesIO(made.data)).load()


@pytest.mark.parametrize(
    ("fault", "code", "retryable", "max_tries"),
    [
        ({"mode": "429", "retryDelay": 7}, "gemini_busy", True, None),
        ({"mode": "500"}, "gemini_failed", True, None),
        ({"mode": "503"}, "gemini_failed", True, None),
        ({"mode": "disconnect"}, "gemini_unreachable", True, None),
        ({"mode": "html"}, "gemini_failed", True, None),
        ({"mode": "truncated"}, "bad_answer", True, 2),
        ({"mode": "no_image"}, "no_image", True, 2),
        ({"mode": "text_only"}, "no_image", True, 2),
        ({"mode": "image_safety"}, "blocked", False, None),
        ({"mode": "prompt_block"}, "blocked", False, None),
        ({"mode": "404"}, "temporarily_unavailable", True, None),
        ({"mode": "403"}, "temporarily_unavailable", True, None),
        ({"mode": "400"}, "gemini_refused", False, None),
    ],
)
def test_outcomes(
    gemini: Gemini, emulator: str, fault: dict[str, Any], code: str, retryable: bool, max_tries: int | None
) -> None:
    error = generate_under(gemini, emulator, **fault)
    assert isinstance(error, StudioError), error
    assert (error.code, error.retryable, error.max_tries) == (code, retryable, max_tries)


def test_a_silent_service_is_unreachable(gemini: Gemini, emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.settings import forget

    monkeypatch.setenv("GEMINI_TIMEOUT_S", "1")
    forget()
    error = generate_under(Gemini(), emulator, mode="hang", seconds=20)
    assert isinstance(error, StudioError), error
    assert (error.code, error.retryable, error.max_tries) == ("gemini_unreachable", True, None)


def test_the_wait_asked_for_is_passed_on(gemini: Gemini, emulator: str) -> None:
    error = generate_under(gemini, emulator, mode="429", retryDelay=7)
    assert isinstance(error, StudioError)
    assert error.retry_after == 7


def test_a_wait_of_hours_fails_instead_of_parking_the_user(gemini: Gemini, emulator: str) -> None:
    error = generate_under(gemini, emulator, mode="429", retryDelay=90_000)
    assert isinstance(error, StudioError)
    assert (error.code, error.retryable, error.retry_after) == ("gemini_busy", False, None)


def test_an_answer_that_is_no_image_is_left_to_the_sanitizer(gemini: Gemini, emulator: str) -> None:
    made = generate_under(gemini, emulator, mode="not_image")
    assert isinstance(made, GeneratedImage)
    assert made.data == b"this is not a picture"


def test_without_a_key_the_setting_is_named(local: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    with pytest.raises(StudioError, match="GEMINI_API_KEY"):
        Gemini().generate(PERSON, GARMENT)
