"""`python -m emulators.providers NAME=PORT ...`: emulators of providers in one process, as they come without options.

Each prints its start-up line, in the order of the arguments. One process imports once what they share, which is most of
what a start of one of them costs.
"""

from __future__ import annotations

import argparse
import sys

from emulators.email.service import Email
from emulators.fashn.service import Fashn
from emulators.gemini.service import Gemini
from emulators.paypal.service import PayPal
from emulators.server import Emulator, serve
from emulators.sms.service import Sms
from emulators.webpubsub.service import WebPubSub

CLASSES: dict[str, type[Emulator]] = {made.name: made for made in (Gemini, Fashn, Email, Sms, WebPubSub, PayPal)}


def main(arguments: list[str]) -> None:
    """Run those of the arguments until SIGTERM or SIGINT."""
    serve([(_made(CLASSES[name]), int(port)) for name, _, port in (argument.partition("=") for argument in arguments)])


def _made(emulator: type[Emulator]) -> Emulator:
    """One with the defaults of its options."""
    parser = argparse.ArgumentParser()
    emulator.arguments(parser)
    return emulator(**vars(parser.parse_args([])))


if __name__ == "__main__":
    main(sys.argv[1:])
