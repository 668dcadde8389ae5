"""The Gemini API over REST: generateContent with pictures, model look-up, and its ways to fail."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import math
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from emulators.faults import Fault, meet_common
from emulators.gemini import wire
from emulators.gemini.pictures import NotAnImage, picture
from emulators.server import Emulator, answer

STATUS_MODES = ("400", "403", "404", "408", "429", "500", "503", "504")
FINISH_MODES = {
    "no_image": "NO_IMAGE",
    "image_safety": "IMAGE_SAFETY",
    "safety": "SAFETY",
    "prohibited": "IMAGE_PROHIBITED_CONTENT",
    "recitation": "IMAGE_RECITATION",
    "max_tokens": "MAX_TOKENS",
}
MESSAGES = {
    "400": "Unable to process input image. Please retry or report in the developer forum.",
    "403": "Your API key was reported as leaked. Please use another API key.",
    "408": "The request timed out.",
    "429": "You exceeded your current quota, please check your plan and billing details.",
    "500": "An internal error has occurred. Please retry or report in the developer forum.",
    "503": "The model is overloaded. Please try again later.",
    "504": "Deadline expired before operation could complete.",
}
DRAFT = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYPgPAAEDAQAIicLsAAAAAElFTkSuQmCC")
"""A PNG of one pixel."""
TOKENS_IN = 1120
TOKENS_OUT = {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}


class Gemini(Emulator):
    """`POST /{v1|v1beta}/models/{model}:generateContent` and `GET .../models/{model}`; any model id.

    A fault's `match` is looked for in the model id and the prompt's texts; `on` is "generate" or "model". `error`
    answers with any error (`status` of HTTP, `grpc`, `reason` of an ErrorInfo, `retryDelay`); `finish` ends a candidate
    and `block` refuses the prompt with any `reason`. `thought_only` marks the picture as a thought; `several` draws a
    draft before it, not marked.
    """

    name = "gemini"
    modes = (
        "ok",
        "thoughts",
        *FINISH_MODES,
        "text_only",
        "prompt_block",
        "error",
        "finish",
        "block",
        "thought_only",
        "several",
        *STATUS_MODES,
        "truncated",
        "wrong_mime",
        "not_image",
    )

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.answered = 0

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--key", default="emulated-gemini-key", help="the API key that is accepted")

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/{version:v1|v1beta}/models/{model}:generateContent", self.generate),
            web.get("/{version:v1|v1beta}/models/{model}", self.model),
        ]

    def facts(self, url: str) -> dict[str, Any]:
        return {"apiKey": self.key, "apiVersion": "v1beta"}

    def _refused_key(self, request: web.Request) -> web.Response | None:
        key = request.headers.get("x-goog-api-key") or request.query.get("key")
        if not key:
            message = "Method doesn't allow unregistered callers (callers without established identity)."
            return wire.error(403, f"{message} Please use API Key or other form of API consumer identity.")
        return None if key == self.key else wire.bad_key()

    async def model(self, request: web.Request) -> web.StreamResponse:
        """What is known about a model: enough for a start-up check."""
        model = request.match_info["model"]
        if refused := self._refused_key(request):
            return refused
        fault = self.faults.take("model", model)
        if fault:
            request["entry"]["fault"] = fault.mode
            early = await meet_common(request, fault) or _failed(fault, model)
            if early:
                return early
        return answer(
            {
                "name": f"models/{model}",
                "version": "emulated",
                "displayName": f"{model} (emulated)",
                "inputTokenLimit": 131072,
                "outputTokenLimit": 32768,
                "supportedGenerationMethods": ["generateContent"],
            }
        )

    async def generate(self, request: web.Request) -> web.StreamResponse:
        """A picture and a sentence, or the fault that waits for this prompt."""
        model = request.match_info["model"]
        if refused := self._refused_key(request):
            return refused
        try:
            prompt = wire.read(await request.json())
        except wire.BadRequest as wrong:
            return wire.error(400, str(wrong))
        except ValueError:
            return wire.error(400, "Invalid JSON payload received. Unexpected token.")
        request["entry"] |= {"model": model, **prompt.summary(), "responseModalities": prompt.modalities}
        fault = self.faults.take("generate", f"{model}\n{prompt.text}")
        if fault:
            request["entry"]["fault"] = fault.mode
            early = await meet_common(request, fault) or _failed(fault, model)
            if early:
                return early
        try:
            data = await asyncio.to_thread(
                picture, tuple(data for _, data in prompt.images), prompt.text, prompt.ratio, prompt.size
            )
        except NotAnImage:
            return wire.error(400, MESSAGES["400"])
        self.answered += 1
        body = self._answer(model, prompt, data, fault)
        if fault and fault.mode == "truncated":
            text = json.dumps(body)
            return web.Response(text=text[: len(text) // 2], content_type="application/json")
        return answer(body)

    def _answer(self, model: str, prompt: wire.Prompt, data: bytes, fault: Fault | None) -> dict[str, Any]:
        mode = fault.mode if fault else "ok"
        reason = str(fault.options.get("reason", "")) if fault else ""
        prompt_tokens = len(prompt.text) // 4 + TOKENS_IN * len(prompt.images)
        usage: dict[str, Any] = {
            "promptTokenCount": prompt_tokens,
            "totalTokenCount": prompt_tokens,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": len(prompt.text) // 4},
                {"modality": "IMAGE", "tokenCount": TOKENS_IN * len(prompt.images)},
            ],
        }
        number = f"emulated-{self.answered:08d}".encode()
        whole = {
            "usageMetadata": usage,
            "modelVersion": model,
            "responseId": base64.urlsafe_b64encode(number).decode().rstrip("="),
        }
        if mode in ("prompt_block", "block"):
            return {"promptFeedback": {"blockReason": reason or "PROHIBITED_CONTENT"}, **whole}
        if mode in FINISH_MODES or mode == "finish":
            return {"candidates": [{"finishReason": FINISH_MODES.get(mode, reason), "index": 0}], **whole}
        parts = _parts(data, mode)
        usage["candidatesTokenCount"] = TOKENS_OUT[prompt.size]
        usage["totalTokenCount"] = prompt_tokens + TOKENS_OUT[prompt.size]
        usage["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": TOKENS_OUT[prompt.size]}]
        candidate: dict[str, Any] = {
            "content": {"role": "model", "parts": parts},
            "finishReason": "STOP",
            "index": 0,
        }
        if mode == "thoughts":
            usage |= {"thoughtsTokenCount": 210, "trafficType": "ON_DEMAND"}
            candidate["brandNew"] = {"field": True}
        return {"candidates": [candidate], **whole}


def _parts(data: bytes, mode: str) -> list[dict[str, Any]]:
    text = {"text": "Here is the person wearing the garment from the second picture."}
    if mode == "text_only":
        return [{"text": "I can describe the outfit, but I did not draw it."}]
    encoded = base64.b64encode(b"this is not a picture" if mode == "not_image" else data).decode()
    mime = "application/octet-stream" if mode == "wrong_mime" else "image/jpeg"
    image: dict[str, Any] = {"inlineData": {"mimeType": mime, "data": encoded}}
    if mode == "several":
        draft = base64.b64encode(DRAFT).decode()
        return [text, {"inlineData": {"mimeType": "image/png", "data": draft}}, image]
    signature = base64.b64encode(b"emulated thought signature").decode()
    if mode == "thought_only":
        return [{"text": "planning", "thought": True}, image | {"thought": True, "thoughtSignature": signature}]
    if mode != "thoughts":
        return [text, image]
    return [
        {"text": "The garment goes over the torso.", "thought": True, "thoughtSignature": signature},
        text,
        image | {"thoughtSignature": signature},
    ]


def _failed(fault: Fault, model: str) -> web.Response | None:
    if fault.mode == "error":
        return _any_error(fault)
    if fault.mode not in STATUS_MODES:
        return None
    code = int(fault.mode)
    if code == 404:
        reason = "is not found for API version v1beta, or is not supported for generateContent."
        return wire.error(404, f"models/{model} {reason}")
    if code == 429:
        delay = 2.0 if fault.retry_delay is None else fault.retry_delay
        details: list[dict[str, Any]] = [
            {"@type": "type.googleapis.com/google.rpc.Help", "links": []},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{delay:g}s"},
        ]
        return wire.error(429, f"{MESSAGES['429']} Please retry in {delay:g}s.", details=details)
    delay = fault.retry_delay
    if delay is None and code == 503:
        delay = 1.0
    headers = None if delay is None else {"Retry-After": str(math.ceil(delay))}
    return wire.error(code, MESSAGES[fault.mode], headers=headers)


def _any_error(fault: Fault) -> web.Response:
    options = fault.options
    details: list[dict[str, Any]] = []
    if reason := options.get("reason"):
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
        details.append(info)
    if fault.retry_delay is not None:
        delay = f"{fault.retry_delay:g}s"
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
    code = int(options.get("status", 400))
    return wire.error(code, "An emulated error.", details=details, status=str(options.get("grpc") or "") or None)
