"""Every row of Gemini's tables, and answers by what they hold: the real SDK against the emulator."""

from __future__ import annotations

import base64
import io
import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from google.genai.types import BlockedReason, FinishReason
from PIL import Image

from shared.errors import OperatorActionNeeded, StudioError, Unprocessable, UpstreamError
from shared.gemini import errors
from shared.gemini.answers import GeneratedImage, InlineImage
from shared.gemini.client import Gemini
from shared.provider_errors import FEW_TRIES, Blame, ProviderError
from shared.settings import forget

pytestmark = pytest.mark.processes
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYPgPAAEDAQAIicLsAAAAAElFTkSuQmCC"


def photo(colour: str) -> InlineImage:
    buffer = io.BytesIO()
    Image.new("RGB", (48, 64), colour).save(buffer, "JPEG")
    return InlineImage(buffer.getvalue(), "image/jpeg")


PERSON, GARMENT = photo("tan"), photo("navy")


class Called:
    """Gemini's SDK, whose next call meets a fault of the emulator."""

    def __init__(self, url: str) -> None:
        self._url, self._gemini = url, Gemini()

    def __call__(self, **fault: Any) -> StudioError | GeneratedImage:
        prompt = secrets.token_hex(6)
        posted = {"match": prompt, "times": 1, **fault}
        requests.post(f"{self._url}/_emulator/faults", json=posted, timeout=5).raise_for_status()
        try:
            return self._gemini.generate(PERSON, GARMENT, prompt=prompt)
        except StudioError as error:
            return error

    def answered(self, body: dict[str, Any], status: int = 200) -> StudioError | GeneratedImage:
        """What becomes of exactly this answer."""
        return self(mode="answer", status=status, body=body)


@pytest.fixture(scope="module")
def called(emulated: dict[str, dict[str, Any]]) -> Iterator[Called]:
    facts = emulated["gemini"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENVIRONMENT", "development")
        patch.setenv("GEMINI_API_KEY", facts["apiKey"])
        patch.setenv("GEMINI_BASE_URL", facts["url"])
        forget()
        yield Called(facts["url"])
    forget()


def assert_is(row: ProviderError, outcome: StudioError | GeneratedImage) -> None:
    """The outcome has the kind of the row."""
    kind = {Blame.USER: Unprocessable, Blame.OPERATOR: OperatorActionNeeded, Blame.TRANSIENT: UpstreamError}[row.blame]
    assert isinstance(outcome, kind), (row, outcome)
    assert (outcome.code, outcome.max_tries) == (row.code, row.max_tries), row
    assert outcome.retryable is (row.blame is not Blame.USER)
    assert outcome.waits is (row.blame is Blame.OPERATOR)
    assert "GEMINI" not in outcome.message and "key" not in outcome.message


def test_every_call_error(called: Called) -> None:
    for name, row in errors.CALL_ERRORS.items():
        assert row.source.startswith("https://")
        status, _, grpc = name.partition(" ")
        if status == "5xx":
            status = "520"
        if status.isdigit():
            assert_is(row, called(mode="error", status=int(status), grpc=grpc))
        else:
            for http in (400, 403, 429, 503):
                assert_is(row, called(mode="error", status=http, grpc="INVALID_ARGUMENT", reason=name))


def test_every_finish_and_block_reason(called: Called) -> None:
    for tables, mode in ((errors.FINISH_REASONS, "finish"), (errors.BLOCK_REASONS, "block")):
        for reason, row in tables.items():
            assert row.source.startswith("https://")
            assert_is(row, called(mode=mode, reason=reason))


def test_the_tables_have_every_reason_that_the_sdk_knows() -> None:
    assert {reason.value for reason in FinishReason} <= set(errors.FINISH_REASONS)
    assert {reason.value for reason in BlockedReason} - {"BLOCKED_REASON_UNSPECIFIED"} <= set(errors.BLOCK_REASONS)


@pytest.mark.parametrize("http", [418, 451, 470, 529, 599])
def test_an_unknown_error_passes_with_few_tries_and_blames_no_user(called: Called, http: int) -> None:
    outcome = called(mode="error", status=http, grpc="SOMETHING_NEW", reason="NEVER_SEEN")
    assert isinstance(outcome, UpstreamError) and not isinstance(outcome, OperatorActionNeeded)
    assert outcome.max_tries == (None if http >= 500 else FEW_TRIES)


@pytest.mark.parametrize("mode", ["finish", "block"])
def test_an_unknown_reason_is_not_called_content_policy(called: Called, mode: str) -> None:
    outcome = called(mode=mode, reason="REASON_OF_NEXT_YEAR")
    assert isinstance(outcome, UpstreamError)
    assert (outcome.code, outcome.max_tries) == ("no_image", FEW_TRIES)


def test_an_expired_key_is_the_operators(called: Called) -> None:
    body: dict[str, Any] = {"code": 400, "message": "(key expired)", "status": "INVALID_ARGUMENT"}
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    for error in (
        {**body, "details": [info]},
        {**body, "message": "API key expired. Please renew the API key."},
        {"code": 400, "status": "FAILED_PRECONDITION", "message": "User location is not supported."},
        {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "limit: 0",
         "details": [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaValue": "0"}]}]},
    ):  # fmt: skip
        outcome = called.answered({"error": error}, int(str(error["code"])))
        assert isinstance(outcome, OperatorActionNeeded), error
        assert (outcome.code, outcome.status) == ("temporarily_unavailable", 503)


def answer(*parts: dict[str, Any], finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, **more}]}


def part(data: str = PIXEL, kind: str = "image/png", **more: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": data}, **more}


LAST = base64.b64encode(b"the last picture").decode()
THOUGHT = base64.b64encode(b"a draft").decode()


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (answer({"text": "planning", "thought": True}, part(LAST, thought=True, thoughtSignature="c2ln")), LAST),
        (answer(part(THOUGHT, thought=True), part(LAST, thought=True)), LAST),
        (answer(part(), part(), part(LAST)), LAST),
        (answer(part(THOUGHT, thought=True), part(LAST), part(THOUGHT, thought=True)), LAST),
        (answer(part(LAST), {"text": "Here it is."}), LAST),
        (answer(part(LAST), finish="MAX_TOKENS"), LAST),
        (answer(part(LAST), finish="REASON_OF_NEXT_YEAR"), LAST),
        (answer(part(LAST), finish=None), LAST),
        (answer(part(LAST), part(THOUGHT, kind="audio/wav")), LAST),
        (answer(part(LAST), part(THOUGHT, kind="TEXT/HTML"), part(THOUGHT, kind="application/pdf")), LAST),
        (answer(part(THOUGHT), {"inlineData": {"data": LAST}}), LAST),
        ({"candidates": [{"finishReason": "NO_IMAGE"}, answer(part(LAST))["candidates"][0]]}, LAST),
        ({**answer(part(LAST)), "promptFeedback": {"safetyRatings": []}, "brandNew": {"x": 1}}, LAST),
    ],
)
def test_the_picture_is_found_wherever_it_is(called: Called, body: dict[str, Any], data: str) -> None:
    outcome = called.answered(body)
    assert isinstance(outcome, GeneratedImage), outcome
    assert outcome.data == base64.b64decode(data)


LONG = b"\xfb\xef\xbf a picture with every letter of both alphabets " * 9
WRITTEN: dict[str, str] = {
    "lines": base64.encodebytes(LONG).decode(),
    "url-safe": base64.urlsafe_b64encode(LONG).decode(),
    "without padding": base64.b64encode(LONG).decode().rstrip("="),
    "data URI": "data:image/webp;base64," + base64.b64encode(LONG).decode(),
}
SNAKE = {"inline_data": {"mime_type": "image/png", "data": LAST}}


@pytest.mark.parametrize("written", WRITTEN)
def test_a_picture_is_read_however_its_base64_is_written(called: Called, written: str) -> None:
    for shown in (part(WRITTEN[written]), {"inlineData": {"data": WRITTEN[written]}}):
        outcome = called.answered(answer(shown))
        assert isinstance(outcome, GeneratedImage), outcome
        assert outcome.data == LONG
    assert outcome.content_type == ("image/webp" if written == "data URI" else "")


@pytest.mark.parametrize(
    "body",
    [
        {**answer(part(LAST)), "usageMetadata": {"totalTokenCount": "many"}},
        {**answer(part(LAST)), "usageMetadata": "none", "promptFeedback": [], "modelVersion": 3},
        answer(part(LAST), safetyRatings=[{"category": 7, "blocked": "no"}, None], citationMetadata="x"),
        answer(part(LAST), finish=2),  # type: ignore[arg-type]
        answer("text", None, part("!!!"), part(LAST), 5),  # type: ignore[arg-type]
        answer(SNAKE, {"thought": True, **SNAKE}),
        {"candidates": [{"content": {"parts": [SNAKE]}, "finish_reason": "STOP", "index": "0"}]},
        [answer({"text": "planning"}, finish=None), answer(part(LAST))],
        answer({"text": f"Here it is: ![picture](data:image/png;base64,{LAST})"}),
        answer({"inlineData": {"mimeType": "Image/PNG", "data": LAST, "displayName": 9}}),
    ],
)  # fmt: skip
def test_a_picture_is_not_lost_for_what_is_beside_it(called: Called, body: Any) -> None:
    outcome = called.answered(body)
    assert isinstance(outcome, GeneratedImage), outcome
    assert outcome.data == base64.b64decode(LAST)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (answer(part(LAST), finish="IMAGE_SAFETY"), "blocked"),
        (answer({"text": "no"}, safetyRatings=[{"category": "HARM_CATEGORY_HARASSMENT", "blocked": True}]), "blocked"),
        ({"candidates": []}, "no_image"),
        ({}, "no_image"),
        ({"candidates": [{"finishReason": "NO_IMAGE"}, {"finishReason": "IMAGE_SAFETY"}]}, "blocked"),
        (answer({"text": "I can only describe it."}), "no_image"),
        (answer(part(LAST), finish="PUP_LIMITED_DISABLED"), "temporarily_unavailable"),
    ],
)
def test_why_there_is_no_picture(called: Called, body: dict[str, Any], code: str) -> None:
    outcome = called.answered(body)
    assert isinstance(outcome, StudioError) and outcome.code == code, outcome


def test_the_emulator_draws_as_the_models_that_think(called: Called) -> None:
    for mode in ("thought_only", "several"):
        made = called(mode=mode)
        assert isinstance(made, GeneratedImage), json.dumps(str(made))
        assert Image.open(io.BytesIO(made.data)).width > 1


INSIDE = [
    # An error within an answer of 200, and the code of ours.
    ({"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota"}, "gemini_busy"),
    ({"code": 503, "status": "UNAVAILABLE", "message": "overloaded"}, "gemini_failed"),
    ({"code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid."}, "temporarily_unavailable"),
    ({"code": 400, "status": "INVALID_ARGUMENT", "message": "Unable to process input image."}, "gemini_refused"),
    ({"code": 403, "status": "PERMISSION_DENIED", "message": "no"}, "temporarily_unavailable"),
]


@pytest.mark.parametrize("in_list", [False, True])
@pytest.mark.parametrize(("error", "code"), INSIDE)
def test_an_error_inside_of_a_success_is_that_error(called: Called, error: Any, code: str, in_list: bool) -> None:
    body: Any = [{"error": error}] if in_list else {"error": error}
    outcome = called.answered(body)
    assert isinstance(outcome, StudioError) and outcome.code == code, outcome


@pytest.mark.parametrize(
    "body",
    [5, "ok", [], None, {"candidates": [{"finishReason": 2}]}, {"candidates": "x"}, {"candidates": [None]},
     {"candidates": [{"content": {"parts": "x"}}]}, {"error": "text"}, {"error": {"code": "x"}}, {"error": {"code": 7}},
     answer(part("!!!"))],
)  # fmt: skip
def test_what_can_not_be_read_is_tried_twice(called: Called, body: Any) -> None:
    outcome = called.answered(body)
    assert isinstance(outcome, UpstreamError), outcome
    assert (outcome.max_tries, outcome.retryable) == (FEW_TRIES, True), outcome
    assert outcome.code in ("no_image", "bad_answer")
