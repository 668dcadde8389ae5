"""`./studio admin create`: the first administrator, who can't be registered over HTTP."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from typing import Any

from emulators.functions_host.settings import local_values
from emulators.stack import ROOT


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("admin", help="make an administrator")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="create an administrator's account, or replace its password")
    create.add_argument("--email", required=True)
    create.add_argument("--json", action="store_true", help="print {ok, userId}")
    create.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Create in the store that the settings name; the password comes from STUDIO_ADMIN_PASSWORD or the terminal."""
    from functions.auth import service
    from shared.errors import StudioError

    local_values(ROOT)
    password = os.environ.get("STUDIO_ADMIN_PASSWORD") or getpass.getpass("Password: ")
    try:
        user_id = service.ensure_admin(options.email, password)
    except StudioError as error:
        print(f"studio: {error.message}", file=sys.stderr)
        return 1
    print(json.dumps({"ok": True, "userId": user_id}) if options.json else f"{options.email} is an administrator.")
    return 0
