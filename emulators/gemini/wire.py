"""Reading a generateContent request as any of the SDKs writes it, and wording the API's errors."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import web

from emulators.gemini.pictures import LONG_SIDES
from emulators.server import answer

SHAPES = ((1, 1), (2, 3), (3, 4), (4, 5), (1, 4), (1, 8), (9, 16), (9, 21))
RATIOS = {f"{a}:{b}": (a, b) for shape in SHAPES for a, b in (shape, shape[::-1])}
STATUS = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class BadRequest(ValueError):
    """The API would answer 400 INVALID_ARGUMENT with this message."""


@dataclass
class Prompt:
    """What a request asks for: texts, images (declared type and bytes), ratio and size of the picture."""

    texts: list[str] = field(default_factory=list[str])
    images: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    ratio: tuple[int, int] | None = None
    size: str = "1K"
    modalities: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        """All texts in one."""
        return "\n".join(self.texts)

    def summary(self) -> dict[str, Any]:
        """The request for the log: texts, and of each image only type, size in bytes and sha256."""
        images = [
            {"mimeType": kind, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for kind, data in self.images
        ]
        ratio = None if self.ratio is None else f"{self.ratio[0]}:{self.ratio[1]}"
        return {"texts": self.texts, "images": images, "aspectRatio": ratio, "imageSize": self.size}


def read(body: Any) -> Prompt:
    """The prompt in a decoded request body. Raises BadRequest."""
    if not isinstance(body, dict):
        raise BadRequest("Invalid JSON payload received.")
    request = _fields(cast("object", body))
    contents = list(_items(request.get("contents")))
    if not contents:
        raise BadRequest("* GenerateContentRequest.contents: contents is not specified")
    prompt = Prompt()
    system = request.get("systemInstruction")
    if isinstance(system, dict):
        contents.append(cast("object", system))
    for content in contents:
        parts = _items(_fields(content).get("parts"))
        if not parts:
            raise BadRequest("* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.")
        for part in parts:
            _read_part(part, prompt)
    config = _fields(request.get("generationConfig"))
    prompt.modalities = [str(kind) for kind in _items(config.get("responseModalities"))]
    image = _fields(config.get("imageConfig"))
    if ratio := image.get("aspectRatio"):
        if ratio not in RATIOS:
            raise BadRequest(f"Invalid aspect ratio: {ratio}")
        prompt.ratio = RATIOS[ratio]
    if size := image.get("imageSize"):
        if size not in LONG_SIDES:
            raise BadRequest(f"Invalid image size: {size}")
        prompt.size = size
    return prompt


def _read_part(part: object, prompt: Prompt) -> None:
    fields = _fields(part)
    if isinstance(text := fields.get("text"), str):
        prompt.texts.append(text)
    elif inline := _fields(fields.get("inlineData")):
        prompt.images.append((str(inline.get("mimeType", "")), _decoded(str(inline.get("data", "")))))
    else:
        raise BadRequest("* GenerateContentRequest.contents: required oneof field 'data' must be initialized")


def _decoded(text: str) -> bytes:
    """Base64 in the standard or the URL alphabet, padded or not."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError as wrong:
        raise BadRequest("Invalid value at 'inline_data.data' (TYPE_BYTES), Base64 decoding failed") from wrong


def _fields(value: object) -> dict[str, Any]:
    """The fields of a JSON object under their camelCase names; none for anything else."""
    if not isinstance(value, dict):
        return {}
    return {_camel(key): item for key, item in cast("dict[str, Any]", value).items()}


def _items(value: object) -> list[object]:
    """The items of a JSON array; none for anything else."""
    return cast("list[object]", value) if isinstance(value, list) else []


def _camel(key: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), key)


def error(
    code: int,
    message: str,
    *,
    details: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
    status: str | None = None,
) -> web.Response:
    """The API's error object with HTTP status `code`, and the gRPC status that belongs to it or a given one."""
    body: dict[str, Any] = {"code": code, "message": message, "status": status or STATUS.get(code, "UNKNOWN")}
    if details:
        body["details"] = details
    return answer({"error": body}, status=code, headers=headers)


def bad_key() -> web.Response:
    """The answer to a key the API does not know."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    return error(400, "API key not valid. Please pass a valid API key.", details=[info])
