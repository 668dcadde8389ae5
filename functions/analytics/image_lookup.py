"""The images that the rows of a table name, by id, blob name or URL."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from shared import blobs
from shared.errors import StudioError
from shared.images import sources
from shared.images.sources import Source


def find_images(names: Iterable[str], user_id: str) -> tuple[dict[str, Source], dict[str, str]]:
    """The images by the name in the table, and for each name without one what is wrong with it."""
    found: dict[str, Source] = {}
    problems: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            found[name] = get_image(name, user_id)
        except StudioError as error:
            if error.status >= 500:
                raise
            problems[name] = error.message
    return found, problems


def get_image(name: str, user_id: str) -> Source:
    """The image that a cell names: an id, a blob name (`images/...`) or a URL. Raises NotFound, Unprocessable."""
    if name.startswith(("http://", "https://")):
        return sources.by_url(name, user_id)
    if "/" in name:
        return sources.by_url(f"{blobs.endpoint()}/{quote(name)}", user_id)
    return sources.by_id(name, user_id)


def blob_path(source: Source) -> str:
    """`container/name` of an image's blob."""
    return f"{source.container}/{source.name}"
