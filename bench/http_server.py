"""Servers for the HTTP benches, each a process on a core of its own; and the bare stack that ours is held against."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SERVER_CORE, LOAD_CORE = 0, (os.cpu_count() or 1) - 1


@contextmanager
def bandi_service(folder: Path) -> Iterator[int]:
    """`bandi serve` on a folder; gives its port."""
    script = "import sys; from bandi.cli.main import main; main(sys.argv[1:])"
    yield from _running([sys.executable, "-c", script, "serve", str(folder), "--port", "0"])


@contextmanager
def bare_stack(body_bytes: int) -> Iterator[int]:
    """The same server, event loop and parser with an application that reads the body and sends a fixed one."""
    yield from _running([sys.executable, "-m", "bench.http_server", str(body_bytes)])


def _running(command: list[str]) -> Iterator[int]:
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    os.sched_setaffinity(process.pid, {SERVER_CORE})  # threads that start later inherit it
    os.sched_setaffinity(0, {LOAD_CORE})
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "ready on " in line:
                yield int(line.split("ready on ")[1].split()[0].rsplit(":", 1)[1])
                break
        else:
            raise RuntimeError(f"{command} ended with {process.wait()}")
    finally:
        process.terminate()
        process.communicate(timeout=60)


def server_seconds(port: int) -> float:
    """CPU seconds that the process listening on a port has used: what a noisy machine does not change."""
    inode = next(
        line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    )  # fmt: skip
    for process in Path("/proc").glob("[0-9]*"):
        for link in process.glob("fd/*"):
            if link.is_symlink() and _target(link) == f"socket:[{inode}]" and process.name != str(os.getpid()):
                fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
                return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    raise RuntimeError(f"nobody listens on {port}")


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def ask(port: int, path: str) -> Any:
    """GET as JSON."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as response:
        return json.load(response)


def _serve_bare(body_bytes: int) -> None:
    from bandi.serving.server import bind, make_server, say

    body = b" " * body_bytes
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % body_bytes)]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    listener = bind("127.0.0.1", 0)
    say(f"ready on http://127.0.0.1:{listener.getsockname()[1]}")
    make_server(application).run(sockets=[listener])


if __name__ == "__main__":
    time.sleep(0.05)  # until the parent has chosen the core
    _serve_bare(int(sys.argv[1]))
