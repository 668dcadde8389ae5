"""Run the container's service: `python -m vto_container --port 8080`.

Its first line on stdout is its address as JSON. SIGTERM drains: what waits is handed back at once, the running run gets
`VTO_GRACE_S` to end in, callers who wait are answered, then it stops.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import sys
import threading
import time
from types import FrameType

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0
"""Between two tries to load the engine: its weights may be on their way to the storage."""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m vto_container")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0 takes a free one")
    parser.add_argument("--fd", type=int, help="a listening socket that was inherited, instead of host and port")
    options = parser.parse_args()
    os.environ.setdefault("SERVICE", "vto")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)

    import uvicorn

    from shared.errors import ConfigurationError, StudioError
    from vto_container.app import Service, make
    from vto_container.engine_process import EngineProcess
    from vto_container.runs import Runs
    from vto_container.settings import settings
    from vto_container.work import Maker, undo

    try:
        conf = settings()
    except ConfigurationError as error:
        sys.exit(error.message)
    process = EngineProcess()
    runs = Runs(Maker(process).make, undo, conf.queue, conf.keep)

    class Server(uvicorn.Server):
        """Drains on the first signal, and goes on answering meanwhile; the second one ends it."""

        draining = False

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            """The signal handler that uvicorn installs."""
            if self.draining:
                super().handle_exit(sig, frame)
                return
            self.draining = True
            threading.Thread(target=self._drain, name="drain").start()

        def _drain(self) -> None:
            runs.drain(conf.grace_s)
            # who waits for a run is answered now, and uvicorn lets answers out before it ends
            self.should_exit = True

    if options.fd is None:
        listener = socket.create_server((options.host, options.port), backlog=128)
    else:
        listener = socket.socket(fileno=options.fd)
    host, port = listener.getsockname()[:2]
    config = uvicorn.Config(
        make(Service(process, runs)),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=32 * 1024,
    )
    if conf.eager:

        def load() -> None:
            # nothing is sent to a container that is not ready, so no run would load the engine later
            pause = FIRST_PAUSE_S
            while not runs.draining:
                try:
                    process.load(conf.engine)
                except StudioError as error:
                    logging.getLogger("studio").error("the engine does not load: %s", error.message)
                    time.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_S)
                else:
                    return

        threading.Thread(target=load, name="load", daemon=True).start()
    print(json.dumps({"name": "vto", "url": f"http://{host}:{port}"}), flush=True)
    try:
        Server(config).run([listener])
    finally:
        process.close()


if __name__ == "__main__":
    main()
