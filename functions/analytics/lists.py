"""Pictures that rows of a table name: found, read, embedded, and kept embedded for the next table."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from functions.analytics import pictures
from functions.analytics.pictures import Maps
from shared import blobs
from shared.errors import NotFound, StudioError, Unprocessable
from shared.images import sources
from shared.images.sources import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP: Final = 64
SAVE_EVERY: Final = 1024


@dataclass
class Embedded:
    """Embeddings and colour features of a merchant's pictures by blob, kept in a blob of theirs for each tower."""

    user_id: str
    tower: str
    known: dict[str, tuple[NDArray[Any], NDArray[Any]]] = field(default_factory=dict[str, Any])
    maps: Maps = field(default_factory=Maps)

    @property
    def _blob(self) -> str:
        return f"{self.user_id}/embedded-{self.tower[:12]}.npz"

    @classmethod
    def load(cls, user_id: str) -> Embedded:
        """What is kept for the tower in use."""
        import numpy as np

        made = cls(user_id, pictures.tower())
        try:
            data = blobs.get(blobs.MODELS, made._blob)
        except NotFound:
            return made
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            names, vectors, colours = stored["names"].tolist(), stored["vectors"], stored["colours"]
            made.maps = Maps({name: stored[name] for name in stored.files if name.startswith("map_")})
        for name, vector, colour in zip(names, vectors, colours, strict=True):
            made.known[name] = (vector.astype(np.float32), colour.astype(np.float32))
        return made

    def save(self) -> None:
        """Keep everything that is known."""
        import numpy as np

        out = io.BytesIO()
        vectors, colours = zip(*self.known.values(), strict=True)
        np.savez(
            out, allow_pickle=False, names=np.array(list(self.known), np.str_),
            vectors=np.stack(vectors).astype(np.float16), colours=np.stack(colours).astype(np.float16),
            **self.maps.arrays(),
        )  # fmt: skip
        blobs.put(blobs.MODELS, self._blob, out.getvalue(), content_type="application/octet-stream")

    def add(self, wanted: Iterable[Source], told: Callable[[int, int], None]) -> Mapping[str, str]:
        """Embed what is not known yet; what can't be is answered by blob, with what is wrong.

        Args:
            told: gets how many are done, and of how many.
        """
        import numpy as np

        missing = {key(one): one for one in wanted if key(one) not in self.known}
        wrong: dict[str, str] = {}
        items = list(missing.items())
        unsaved = 0
        for start in range(0, len(items), STEP):
            told(start, len(items))
            read: list[tuple[str, NDArray[Any]]] = []
            for name, source in items[start : start + STEP]:
                try:
                    read.append((name, pictures.decode(source.read())))
                except (NotFound, Unprocessable) as error:
                    wrong[name] = error.message
            seen = pictures.see([picture for _, picture in read])
            self.maps.add(seen)
            for (name, picture), one in zip(read, seen, strict=True):
                rounded = one.vector.astype(np.float16).astype(np.float32)
                self.known[name] = (rounded, pictures.colours(picture))
            unsaved += len(read)
            if unsaved >= SAVE_EVERY:
                self.save()
                unsaved = 0
        if unsaved:
            self.save()
        return wrong


def find(names: Iterable[str], user_id: str) -> tuple[dict[str, Source], dict[str, str]]:
    """The pictures that cells name, by id, blob name (`images/...`) or URL, and what is wrong with the others."""
    found: dict[str, Source] = {}
    wrong: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            found[name] = source_of(name, user_id)
        except StudioError as error:
            if error.status >= 500:
                raise
            wrong[name] = error.message
    return found, wrong


def source_of(name: str, user_id: str) -> Source:
    """The picture that a cell names. Raises NotFound, Unprocessable."""
    if name.startswith(("http://", "https://")):
        return sources.by_url(name, user_id)
    if "/" in name:
        return sources.by_url(f"{blobs.endpoint()}/{quote(name)}", user_id)
    return sources.by_id(name, user_id)


def key(source: Source) -> str:
    """What a picture is kept under."""
    return f"{source.container}/{source.name}"
