"""`python -m emulators.cosmos`: also for other projects, with an interpreter and packages that we have not chosen."""

import sys
from importlib.util import find_spec

NEEDED = ("aiohttp", "cryptography", "mmh3")

missing = [name for name in NEEDED if find_spec(name) is None]
if sys.version_info < (3, 13):  # noqa: UP036 - others start it with what they have
    sys.exit(f"emulators.cosmos: it needs Python 3.13 or newer, and this is {sys.version.split()[0]}")
if missing:
    sys.exit(f"emulators.cosmos: install what it needs: {sys.executable} -m pip install {' '.join(missing)}")

from emulators.cosmos.service import Cosmos  # noqa: E402
from emulators.server import main  # noqa: E402

main(Cosmos)
