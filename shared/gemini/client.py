"""Calls to Gemini's image model. The SDK's own retries stay off: the job layer owns their number and delay."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from shared import telemetry
from shared.errors import ConfigurationError, StudioError
from shared.gemini.answers import GeneratedImage, InlineImage, read_image
from shared.gemini.failures import decoded, errors_by_status, failure
from shared.gemini.settings import API_VERSION, gemini_settings

if TYPE_CHECKING:
    from google.genai import Client

INSTRUCTION: Final = (
    "The first photo shows a person, the second a garment. Make one photo of the same person wearing the garment. "
    "Keep the person's face, hair, skin, body shape, pose and the background unchanged. "
    "Keep the garment's colour, pattern, cut and details. Light it like the first photo."
)


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

        conf = gemini_settings()
        if conf.gemini_api_key is None:
            raise ConfigurationError("conversions are not configured: set GEMINI_API_KEY", code="gemini_unconfigured")
        options = HttpOptions(
            base_url=conf.gemini_base_url,
            api_version=API_VERSION,
            timeout=round(conf.gemini_timeout_s * 1000),
            # A redirect would take the key and people's photos to another host.
            client_args={"event_hooks": {"response": [errors_by_status]}, "follow_redirects": False},
        )
        return genai.Client(api_key=conf.gemini_api_key.get_secret_value(), http_options=options)

    def generate(
        self,
        person: InlineImage,
        garment: InlineImage,
        *,
        prompt: str | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
    ) -> GeneratedImage:
        """Make an image of the person in the garment.

        Args:
            prompt: the user's additional instructions.
            aspect_ratio: `3:4` and the like; by default that of the person's photo.

        Raises:
            UpstreamError: retryable; `retry_after` and `max_tries` as the failure asks.
            Unprocessable: `blocked` by policy or `gemini_refused`: never to be tried again.
            OperatorActionNeeded: the account, its key or the model has to be changed.
            ConfigurationError: there is no key.
        """
        from google.genai import types

        config = types.GenerateContentConfig(
            response_modalities=["TEXT", "IMAGE"],
            image_config=types.ImageConfig(aspect_ratio=aspect_ratio) if aspect_ratio else None,
            seed=seed,
            # The SDK's types refuse an answer with its picture for any field that is other than they know.
            should_return_http_response=True,
        )
        parts = [
            types.Part.from_bytes(data=person.data, mime_type=person.content_type),
            types.Part.from_bytes(data=garment.data, mime_type=garment.content_type),
            types.Part.from_text(text=INSTRUCTION + (f" Wishes: {prompt}" if prompt else "")),
        ]
        contents = types.Content(role="user", parts=parts)
        model = gemini_settings().gemini_model
        with telemetry.span("gemini.generate", kind="client", model=model):
            try:
                response = self._client().models.generate_content(model=model, contents=contents, config=config)
            except StudioError:
                raise
            except Exception as error:
                raise failure(error) from error
        answered = response.sdk_http_response
        return read_image(decoded(answered.body if answered is not None else None))
