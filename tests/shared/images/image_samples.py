"""Pictures for the sanitizer: honest ones in every format, and hostile ones made by hand."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

HEIC = base64.b85decode(
    "0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<0004fZDn*}000000000XXk=`10000000000aA{+700000000000000000000B57=I"
    "V*mgE07O6l0RRC200001p#T8@000000024w001LtX>Mi!000000RR916=`l}WdZ;I000310BCk&F#rGn01j|zbZr0t000010002}"
    "X>f9I0002pX>en20001XXm(>m0RwOV0058x000009`FGC{rLC*01pFT0096PKmiN^|NjGU00093kN^M!000939=ZZRVE_RDDnbDP"
    "18@KU0|1Z!00RI30{|YNAb|yz>g1-mxCm%4AOHXZ10VnZ0{|gn00967L;=Bbz=;3=025<xY;ta6Y<K_x01W^JfB*mh6lrsCWdHyG"
    "00000KmY&$KmY&$C}V74Z~y=RKmY&$0RR91FaQ7m0RR91000000{{R2@Bjb+0ssI25O8UDX#fBK00RgJ2mk;87-?{AVE_OC00000"
    "0RRC7fdT^sga7~lLTzMWbN~PVHYfqFSmyNVzyIZHzy72Ahspo{U;bS6U$Z1n`tH?9EwD4=9yJWtNJ7#E3G*yYXXgf7ma)J"
)
"""64 x 48, left half red (200, 30, 30), right half blue (30, 60, 200), written by libheif."""


def photo(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """A smooth picture with a red top left, green top right, blue bottom left and grey bottom right corner."""
    corners = Image.new("RGB", (2, 2))
    corners.putdata([(220, 40, 40), (40, 200, 60), (40, 60, 210), (128, 128, 128)])
    return corners.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Incompressible pixels, so that the encoded file is long."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encode(image: Image.Image, format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def decode(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks, each with its right checksum."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, body in chunks:
        parts.append(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
    return b"".join(parts)


def ihdr(width: int, height: int, bits: int = 8, colour: int = 2) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)


def bomb_png(width: int, height: int, bits: int = 8, colour: int = 2, rows: int | None = None) -> bytes:
    """Zeros that deflate a thousandfold; `rows` of them instead of all."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    row = bytes(1 + width * channels * bits // 8)
    deflate = zlib.compressobj(9)
    body = b"".join(deflate.compress(row) for _ in range(height if rows is None else rows)) + deflate.flush()
    return png(ihdr(width, height, bits, colour), (b"IDAT", body), (b"IEND", b""))


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """The PNG `data` with one more chunk behind its header."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return data[:33] + chunk + data[33:]


def many_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG with `scans` refinement scans that hold next to nothing and cost a pass each."""
    data = encode(Image.new("L", (width, height), 90), "JPEG", progressive=True)
    end = data.rindex(b"\xff\xd9")
    last = data.rindex(b"\xff\xda")
    return data[:end] + data[last:end] * scans + data[end:]


def jpeg_claiming(width: int, height: int) -> bytes:
    """A small JPEG whose frame header claims another size."""
    data = bytearray(encode(photo(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def segment(data: bytes, marker: int, body: bytes) -> bytes:
    """The JPEG `data` with one more segment behind its start."""
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + data[2:]


def gps_exif(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return exif.tobytes()
