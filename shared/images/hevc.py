"""Whether the coded picture of a HEIC is whole, by libde265's own warnings.

libheif shows what it could decode and drops the decoder's warnings, so a picture with a changed byte comes out grey or
smeared from there on. libde265 is part of pi-heif's wheel, so it is asked again, without the filters that only smooth.
Only for pictures that libheif has decoded: its limits of size are checked by then.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_WAITING_FOR_DATA: Final = 13
_NO_PARALLEL_ROWS: Final = 1000
"""A warning about speed."""
_NO_DEBLOCKING: Final = 7
_NO_SMOOTHING: Final = 8
"""Parameters of a decoder (de265.h, `de265_param`)."""


def is_whole(units: Iterable[bytes]) -> bool:
    """Whether the units of one coded picture, its parameter sets first, decode without a complaint.

    True also where libde265 is not found: another build of pi-heif has it inside.
    """
    library = _library()
    if library is None:
        return True
    decoder = ctypes.c_void_p(library.de265_new_decoder())
    try:
        library.de265_set_parameter_bool(decoder, _NO_DEBLOCKING, 1)
        library.de265_set_parameter_bool(decoder, _NO_SMOOTHING, 1)
        for unit in units:
            library.de265_push_NAL(decoder, unit, len(unit), ctypes.c_int64(0), None)
        library.de265_flush_data(decoder)
        return _decodes(library, decoder)
    finally:
        library.de265_free_decoder(decoder)


def _decodes(library: ctypes.CDLL, decoder: ctypes.c_void_p) -> bool:
    more = ctypes.c_int(1)
    while more.value:
        more.value = 0
        error = library.de265_decode(decoder, ctypes.byref(more))
        if error == _WAITING_FOR_DATA:
            break
        if error:
            return False
        library.de265_get_next_picture(decoder)
    while warning := library.de265_get_warning(decoder):
        if warning != _NO_PARALLEL_ROWS:
            return False
    return True


@functools.cache
def _library() -> ctypes.CDLL | None:
    import pi_heif

    package = Path(pi_heif.__file__).parent
    found = [*package.parent.glob("pi_heif.libs/libde265*"), *package.glob(".dylibs/libde265*")]
    if not found:
        print("libde265 not found beside pi_heif: damage inside of HEIC is not looked for", file=sys.stderr)
        return None
    library = ctypes.CDLL(str(found[0]))
    library.de265_new_decoder.restype = ctypes.c_void_p
    return library
