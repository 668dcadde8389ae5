"""Gemini through `google-genai`: two photos and an instruction in, one picture out.

What the service answers is mapped to our errors here and nowhere else. The SDK's own retries stay off: the job layer
owns delay and count.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared import telemetry
from shared.errors import ConfigurationError, StudioError, Unprocessable, UpstreamError
from shared.settings import settings

if TYPE_CHECKING:
    from google.genai import Client
    from google.genai.errors import APIError

INSTRUCTION = (
    "The first photo shows a person, the second a garment. Make one photo of the same person wearing the garment. "
    "Keep the person's face, hair, skin, body shape, pose and the background unchanged. "
    "Keep the garment's colour, pattern, cut and details. Light it like the first photo."
)

BLOCKED = frozenset(
    {"SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "RECITATION",
     "BLOCKLIST", "SPII", "IMAGE_OTHER"}
)  # fmt: skip
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Picture:
    """An encoded image and its content type; `tokens` is what making it was billed."""

    data: bytes = field(repr=False)
    content_type: str
    tokens: int = 0


class Gemini:
    """One client for the process: the SDK closes a client that is let go, so two threads must not make two."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._made: Client | None = None

    def _client(self) -> Client:
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made

    @staticmethod
    def _make() -> Client:
        from google import genai
        from google.genai.types import HttpOptions

        conf = settings()
        if conf.gemini_api_key is None:
            raise ConfigurationError("conversions are not configured: set GEMINI_API_KEY", code="gemini_unconfigured")
        options = HttpOptions(
            base_url=conf.gemini_base_url,
            api_version=conf.gemini_api_version,
            timeout=round(conf.gemini_timeout_s * 1000),
        )
        return genai.Client(api_key=conf.gemini_api_key.get_secret_value(), http_options=options)

    def convert(self, person: Picture, cloth: Picture, options: Mapping[str, Any]) -> Picture:
        """The person of the first picture in the garment of the second.

        Args:
            options: `prompt`, `aspect_ratio`, `seed`, all optional.

        Raises:
            UpstreamError: retryable; `retry_after` and `max_tries` as the outcome asks.
            Unprocessable: `blocked` by policy, never to be tried again; `gemini_refused`.
            ConfigurationError: key refused or model retired; somebody has to change a setting.
        """
        from google.genai import types

        prompt = INSTRUCTION + (f" Wishes: {options['prompt']}" if options.get("prompt") else "")
        image = types.ImageConfig(aspect_ratio=options["aspect_ratio"]) if options.get("aspect_ratio") else None
        config = types.GenerateContentConfig(
            response_modalities=["TEXT", "IMAGE"], image_config=image, seed=options.get("seed")
        )
        contents: list[Any] = [
            types.Part.from_bytes(data=person.data, mime_type=person.content_type),
            types.Part.from_bytes(data=cloth.data, mime_type=cloth.content_type),
            prompt,
        ]
        with telemetry.span("gemini.generate", kind="client", model=settings().gemini_model):
            try:
                answer = self._client().models.generate_content(
                    model=settings().gemini_model, contents=contents, config=config
                )
            except StudioError:
                raise
            except Exception as error:
                raise _failed(error) from error
        return _picture(answer)


def _picture(answer: Any) -> Picture:
    """The first image of an answer: there may be thoughts and text before it, or no candidate at all."""
    blocked = getattr(answer.prompt_feedback, "block_reason", None)
    if blocked:
        raise _refused(str(getattr(blocked, "value", blocked)))
    candidate = (answer.candidates or [None])[0]
    if candidate is None:
        raise _no_image()
    for part in (candidate.content.parts or []) if candidate.content else []:
        if part.inline_data and part.inline_data.data and not part.thought:
            usage = answer.usage_metadata
            tokens = (usage.total_token_count or 0) if usage else 0
            return Picture(part.inline_data.data, part.inline_data.mime_type or "", tokens)
    reason = str(getattr(candidate.finish_reason, "value", candidate.finish_reason or ""))
    if reason in BLOCKED:
        raise _refused(reason)
    if reason == "MAX_TOKENS":
        raise Unprocessable("the picture was cut off before it was done", code="cut_off")
    raise _no_image()


def _no_image() -> UpstreamError:
    return UpstreamError("the model answered without a picture", code="no_image", max_tries=2)


def _refused(reason: str) -> Unprocessable:
    telemetry.log("gemini.blocked", reason=reason)
    return Unprocessable("the pictures were refused by the content policy", code="blocked")


def _failed(error: Exception) -> StudioError:
    """What an exception of the SDK means."""
    from google.genai.errors import APIError

    if isinstance(error, APIError):
        return _by_status(error)
    if isinstance(error, ValueError):
        return UpstreamError("the model's answer can't be read", code="bad_answer", max_tries=2)
    return UpstreamError("the model can't be reached", code="gemini_unreachable")


def _by_status(error: APIError) -> StudioError:
    status = int(error.code or 0)
    if status in TRANSIENT:
        if not isinstance(error.details, dict) or "error" not in error.details:
            return UpstreamError("the model's answer can't be read", code="bad_answer", max_tries=2)
        code = "gemini_busy" if status == 429 else "gemini_failed"
        wait = _retry_after(error)
        bearable = wait is None or wait <= settings().job_longest_wait_s
        return UpstreamError(
            f"the model is busy or failing ({status})",
            code=code,
            retryable=bearable,
            retry_after=wait if bearable else None,
        )
    if status == 404:
        telemetry.log("gemini.model_retired", level="error", model=settings().gemini_model)
        return ConfigurationError("the configured model does not exist: change GEMINI_MODEL", code="model_retired")
    if status in (401, 403):
        telemetry.log("gemini.key_refused", level="error")
        return ConfigurationError("the service refused our key", code="gemini_key_refused")
    return Unprocessable("the model refused the request", code="gemini_refused")


def _retry_after(error: APIError) -> float | None:
    """Seconds the service asks for: `RetryInfo` of the body, or the `Retry-After` header, whichever is longer."""
    body = error.details.get("error") if isinstance(error.details, dict) else None
    details = body.get("details") if isinstance(body, dict) else None
    told = [str(d.get("retryDelay", "")) for d in (details if isinstance(details, list) else []) if isinstance(d, dict)]
    told.append(str(getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "")))
    waits = [float(wait[1]) for text in told if (wait := re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s?", text))]
    return max(waits, default=None)
