"""Running the service: the port opens first, then kernels and log; a signal finishes what was accepted, then closes."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn._types import ASGI3Application

import bandi.arrangement.warm
import bandi.experiments.warm
import bandi.features.factors.search
import bandi.learning.warm
import bandi.policies.warm
import bandi.segments.warm
from bandi.engine import Engine, open_existing
from bandi.engine.folder import read_config
from bandi.model.errors import InvalidInputError, Problem
from bandi.serving.app import Service
from bandi.serving.connection import BoundedConnection
from bandi.serving.live import Live

SWITCH_INTERVAL_S = 0.0005
"""How long the writer's thread may keep the event loop waiting for the interpreter (CPython's default is 5 ms)."""
BACKLOG = 2_048
"""Connections that may wait to be accepted."""
KEEP_ALIVE_S = 60
"""A connection without a request for this long is closed."""
GRACE_S = 30
"""Longest wait for requests under way when the service stops."""


def say(text: str) -> None:
    """One line for the operator."""
    print(f"bandi: {text}", file=sys.stderr, flush=True)


def warm_kernels() -> float:
    """Compile all kernels or load them from the cache; seconds taken."""
    started = time.perf_counter()
    bandi.policies.warm.warm()
    bandi.learning.warm.warm()
    bandi.arrangement.warm.warm()
    bandi.features.factors.search.warm()
    bandi.segments.warm.warm()
    bandi.experiments.warm.warm()
    return time.perf_counter() - started


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InvalidInputError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise InvalidInputError(
            Problem("host and port", f"{host}:{port}", "an address that is free", str(error))
        ) from None
    return listener


_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "bandi: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False}},
}


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: `serve` has its own, and a thread must have none."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def make_server(service: ASGI3Application, access_log: bool = False) -> Server:
    """uvicorn, set up for this service."""
    return Server(
        uvicorn.Config(
            service,
            loop="uvloop",
            http=BoundedConnection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=access_log,
            log_config=_LOGGING,
            log_level="info" if access_log else "warning",
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
    )


def serve(folder: Path, host: str | None = None, port: int | None = None, access_log: bool = False) -> int:
    """Serve a folder until a signal ends it; the exit status. Raises BandiError where it cannot begin."""
    config = read_config(folder)
    listener = bind(config.serve.host if host is None else host, config.serve.port if port is None else port)
    address, bound_port = listener.getsockname()[:2]
    url = f"http://[{address}]:{bound_port}" if ":" in address else f"http://{address}:{bound_port}"
    if not address.startswith(("127.", "::1")):
        say(f"warning: {address} can be reached from other machines, and there is no authentication yet")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    service = Service()
    server = make_server(service, access_log)
    stop = _Stop(server)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    opening = _Opening(folder, service, server, url)
    opening.start()
    server.run(sockets=[listener])
    listener.close()
    return opening.finish()


class _Stop:
    """What a signal does: the first one stops with care, the second one at once."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            os._exit(128 + number)
        self._asked = True
        say("stopping: finishing what was accepted (a second signal ends at once)")
        self._server.should_exit = True


class _Opening(threading.Thread):
    """Opens the engine while the port already answers, 503."""

    def __init__(self, folder: Path, service: Service, server: Server, url: str) -> None:
        super().__init__(name="bandi-opening")
        self._folder, self._service, self._server, self._url = folder, service, server, url
        self._engine: Engine | None = None
        self._live: Live | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._open()
        except BaseException as error:
            self._error = error
            self._server.should_exit = True

    def _open(self) -> None:
        self._tell("compiling kernels (seconds at the first start, then they are cached)")
        seconds = warm_kernels()
        self._tell(f"kernels ready after {seconds:.1f} s; folding the log")
        self._engine = engine = open_existing(self._folder)
        for note in engine.opening.notes:
            say(note)
        story = engine.opening
        behind = f"{story.folded} records behind snapshot {story.snapshot_position}"
        say(f"log folded in {story.seconds:.2f} s ({behind})")
        self._live = Live(engine)
        self._live.start()
        gc.collect()
        gc.freeze()  # what was loaded stays: the collector need not walk it again
        self._service.attach(engine, self._live)
        say(f"ready on {self._url}  (page /, routes /docs/)")

    def _tell(self, text: str) -> None:
        self._service.progress(text)
        say(text)

    def finish(self) -> int:
        """Close what was opened; the exit status. Raises what opening raised."""
        self.join()
        self._service.detach()
        if self._live is not None:
            self._live.stop()
        if self._engine is not None:
            say("writing a snapshot")
            self._engine.close()
            say("stopped")
        if self._error is not None:
            raise self._error
        return 0


class RunningServer:
    """A service in a thread of this process, for tests and the demo."""

    def __init__(self, engine: Engine, host: str = "127.0.0.1", port: int = 0, live: Live | None = None) -> None:
        self._live = live or Live(engine)
        service = Service()
        service.attach(engine, self._live)
        self._listener = bind(host, port)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        self._server = make_server(service)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="bandi-http"
        )

    def start(self) -> RunningServer:
        """Serve; returns when requests are answered."""
        self._live.start()
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Finish requests under way, then end. The engine stays open."""
        self._server.should_exit = True
        self._thread.join()
        self._live.stop()
        self._listener.close()


def start_in_thread(
    engine: Engine, port: int = 0, waste: Callable[[str], float | None] = lambda placement: None
) -> RunningServer:
    """Serve an open engine from a thread of this process. waste: see `Live`."""
    return RunningServer(engine, port=port, live=Live(engine, waste)).start()
