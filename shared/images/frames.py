"""The frames that the sanitizer and its decoder processes exchange over a pipe: a JSON head and binary parts.

On the wire: u32 length of the head, the head (UTF-8 JSON), then for every entry of its `parts` (lengths in
bytes, written by `write`) that many bytes. Integers are big-endian.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, BinaryIO

LONGEST_HEAD = 1 << 20
LONGEST_PART = 1 << 30


def write(stream: BinaryIO, head: dict[str, Any], parts: Sequence[bytes | bytearray] = ()) -> None:
    """Send one frame and flush. Raises OSError when the other side is gone."""
    encoded = json.dumps(head | {"parts": [len(part) for part in parts]}).encode()
    stream.write(len(encoded).to_bytes(4) + encoded)
    for part in parts:
        stream.write(part)
    stream.flush()


def read(stream: BinaryIO) -> tuple[dict[str, Any], list[bytes]]:
    """Receive one frame. Raises EOFError at the end of the stream and ValueError for what is no frame."""
    size = int.from_bytes(_exactly(stream, 4))
    if size > LONGEST_HEAD:
        raise ValueError("head too long")
    head = json.loads(_exactly(stream, size))
    lengths = head["parts"]
    if not all(isinstance(length, int) and 0 <= length <= LONGEST_PART for length in lengths):
        raise ValueError("bad part lengths")
    return head, [_exactly(stream, length) for length in lengths]


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("stream ended inside a frame")
    return data
