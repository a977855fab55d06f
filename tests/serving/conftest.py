"""A real service on a loopback port, once for all tests that only ask, and a plain client."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import bandi
from bandi.serving.server import RunningServer, start_in_thread

CONFIG = """
[placements.home]
policy = { use = "thompson", objective = "click" }
[placements.viewer_end]
policy = { use = "editor" }
[objectives.click]
event = "click"
window = "30m"
[serve]
max_body_bytes = 1_000_000
max_batch = 2_000
"""
ITEMS = [bandi.Item(id=f"t{i}", title=f"Title {i}", editor_rank=i + 1) for i in range(20)]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Ask:
    """A client: ask(method, path, value or bytes, headers); a new connection each time, closed whatever comes of it.

    One left open by a request that failed would be the ResourceWarning, hence the failure, of whichever test runs when it is
    collected. The first request of a kind may have to wait for a kernel to be compiled.
    """

    port: int
    timeout_s: float = 120.0

    def __call__(self, method: str, path: str, value: Any = None, headers: dict[str, str] | None = None) -> Answer:
        body = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
        sent = {"content-type": "application/json"} if body is not None else {}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s)) as connection:
            connection.request(method, path, body, {**sent, **(headers or {})})
            with connection.getresponse() as response:
                return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


@dataclass(frozen=True)
class Running:
    engine: bandi.Engine
    server: RunningServer
    ask: Ask


def run(folder: Path) -> Iterator[Running]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bandi.toml").write_text(CONFIG, encoding="utf-8")
    with bandi.open(folder) as engine:
        engine.put_items(ITEMS)
        server = start_in_thread(engine)
        yield Running(engine, server, Ask(server.port))
        server.stop()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that every test may ask and tell things; none may rely on what it holds."""
    yield from run(tmp_path_factory.mktemp("serving") / "shop.bandi")


@pytest.fixture
def ask(shared: Running) -> Ask:
    return shared.ask


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A service of the test's own."""
    yield from run(tmp_path / "shop.bandi")
