"""Running the service: the port opens first, then kernels and log; a signal finishes what was accepted, then closes."""

from __future__ import annotations

import gc
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn

import bandi.learning.warm
import bandi.policies.registry
from bandi.engine import Engine, open_existing
from bandi.engine.folder import read_config
from bandi.model.errors import BandiError, InvalidInputError, Problem
from bandi.serving.app import Service
from bandi.serving.connection import BoundedConnection
from bandi.serving.live import Live

SWITCH_INTERVAL_S = 0.0005
"""How long the writer's thread may keep the event loop waiting for the interpreter (CPython's default is 5 ms)."""
_LOOPBACK = ("127.", "::1", "localhost")


def say(text: str) -> None:
    """One line for the operator."""
    print(f"bandi: {text}", file=sys.stderr, flush=True)


def warm_kernels() -> float:
    """Compile all kernels or load them from the cache; seconds taken."""
    started = time.perf_counter()
    bandi.policies.registry.warm()
    bandi.learning.warm.warm()
    return time.perf_counter() - started


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InvalidInputError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        raise InvalidInputError(
            Problem("host and port", f"{host}:{port}", "an address that is free", str(error))
        ) from None
    return listener


def make_server(service: Service, access_log: bool = False) -> uvicorn.Server:
    """uvicorn, set up for this service."""
    config = uvicorn.Config(
        service,
        loop="uvloop",
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=access_log,
        log_level="info" if access_log else "warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=30,
    )
    return uvicorn.Server(config)


def serve(folder: Path, host: str | None = None, port: int | None = None, access_log: bool = False) -> int:
    """Serve a folder until a signal ends it; the exit status. Raises BandiError where it cannot begin."""
    config = read_config(folder)
    listener = bind(config.serve.host if host is None else host, config.serve.port if port is None else port)
    address, number = listener.getsockname()[:2]
    url = f"http://[{address}]:{number}" if ":" in address else f"http://{address}:{number}"
    if not address.startswith(_LOOPBACK):
        say(f"warning: {address} can be reached from other machines, and there is no authentication yet")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    service = Service()
    server = make_server(service, access_log)
    starting = _Starting(folder, service, server, url)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, starting.interrupted)  # uvicorn raises signals again when it has stopped
    starting.start()
    server.run(sockets=[listener])
    listener.close()
    return starting.finish()


class _Starting(threading.Thread):
    """Opens the engine while the port answers 503 already."""

    def __init__(self, folder: Path, service: Service, server: uvicorn.Server, url: str) -> None:
        super().__init__(name="bandi-starting")
        self._folder, self._service, self._server, self._url = folder, service, server, url
        self._engine: Engine | None = None
        self._live: Live | None = None
        self._error: BaseException | None = None

    def interrupted(self, number: int, frame: FrameType | None) -> None:
        """Before uvicorn listens for signals, or after it has stopped: nothing more to do than stop."""
        self._server.should_exit = True

    def run(self) -> None:
        try:
            self._tell("compiling kernels (seconds at the first start, then they are cached)")
            seconds = warm_kernels()
            self._tell(f"kernels ready after {seconds:.1f} s; folding the log")
            self._engine = open_existing(self._folder)
            for note in self._engine.opening.notes:
                say(note)
            self._live = Live(self._engine)
            self._live.start()
            gc.collect()
            gc.freeze()  # what was loaded stays: the collector need not walk it again
            self._service.attach(self._engine, self._live)
            story = self._engine.opening
            say(
                f"log folded in {story.seconds:.2f} s ({story.folded} records behind snapshot {story.snapshot_position})"
            )
            say(f"ready on {self._url}  (page /, routes /docs/)")
        except BaseException as error:
            self._error = error
            self._server.should_exit = True

    def _tell(self, text: str) -> None:
        self._service.progress = text
        say(text)

    def finish(self) -> int:
        """Close what was opened; the exit status. Raises what opening raised."""
        self.join()
        self._service.detach()
        if self._engine is not None:
            say("stopping: writing a snapshot")
            if self._live is not None:
                self._live.stop()
            self._engine.close()
            say("stopped")
        if isinstance(self._error, BandiError):
            raise self._error
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
