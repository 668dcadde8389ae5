"""Run the container's service: `python -m vto_container --port 8080`.

The first line on stdout is its address as JSON. On SIGTERM it drains: runs that wait are handed back immediately, the
current one gets `VTO_GRACE_S` to finish, callers that wait are answered, then it stops.
"""

from __future__ import annotations

import argparse
import json
import logging
import socket
import sys
import threading
import time
from types import FrameType
from typing import Final

MIN_PAUSE_S: Final = 2.0
MAX_PAUSE_S: Final = 60.0
"""Seconds between two attempts to load the engine, doubled after each: its weights may still be on their way to the
storage."""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m vto_container")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0 selects a free one")
    parser.add_argument("--fd", type=int, help="an inherited listening socket, instead of host and port")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)

    import uvicorn

    from shared.engines.executor import Executor, delete_output
    from shared.errors import ConfigurationError, StudioError
    from vto_container.app import Service, create_app
    from vto_container.engine_process import EngineProcess
    from vto_container.runs import Runs
    from vto_container.settings import check_settings, container_settings

    try:
        check_settings()
    except ConfigurationError as error:
        sys.exit(error.message)
    conf = container_settings()
    process = EngineProcess()
    runs = Runs(Executor(process.generate, conf.engine).execute, delete_output, conf.queue, conf.keep)

    class Server(uvicorn.Server):
        """Drains on the first signal while it keeps responding; stops on the second."""

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
            # Callers that wait for a run are answered now, and uvicorn sends responses before it stops.
            self.should_exit = True

    if options.fd is None:
        listener = socket.create_server((options.host, options.port), backlog=128)
    else:
        listener = socket.socket(fileno=options.fd)
    host, port = listener.getsockname()[:2]
    config = uvicorn.Config(
        create_app(Service(process, runs)),
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
            # A container that is not ready gets no runs, so no run would load the engine later.
            pause = MIN_PAUSE_S
            while not runs.draining:
                try:
                    process.load(conf.engine)
                except StudioError as error:
                    logging.getLogger("studio").error("the engine does not load: %s", error.message)
                    time.sleep(pause)
                    pause = min(2 * pause, MAX_PAUSE_S)
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
