"""A load generator for the HTTP benches: epoll over raw sockets, closed loop (as fast as it goes) or open loop (paced).

Pinned to a core of its own it asks the bare stack faster than that can answer, so it is not what is measured.
"""

from __future__ import annotations

import select
import socket
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Load:
    """What came back. latencies: seconds per request (open loop: since it was due, so that queueing counts)."""

    seconds: float
    latencies: NDArray[np.float64]
    statuses: Counter[bytes]
    body_bytes: int
    """Size of the last body."""

    @property
    def rate(self) -> float:
        """Answered requests per second."""
        return len(self.latencies) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """A quantile of the latency in milliseconds."""
        return float(np.quantile(self.latencies, share) * 1e3)


def request_bytes(path: str, body: bytes) -> bytes:
    """A POST of JSON on a connection that is kept."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connections:
    """Sockets to one server; each carries one request at a time."""

    def __init__(self, port: int, count: int) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._received: dict[int, bytes] = {}
        self._since: dict[int, float] = {}
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._epoll.register(connection, select.EPOLLIN)
            self._sockets[connection.fileno()] = connection
        self.free = deque(self._sockets)
        self.latencies: list[float] = []
        self.statuses: Counter[bytes] = Counter()
        self.body_bytes = 0

    def send(self, request: bytes, due: float) -> None:
        """Send on a free connection; the latency counts from `due`."""
        number = self.free.popleft()
        self._received[number] = b""
        self._since[number] = due
        self._sockets[number].sendall(request)

    def collect(self, timeout: float) -> None:
        """Take what has arrived; connections whose response is whole are free again."""
        for number, _ in self._epoll.poll(timeout):
            data = self._received[number] + self._sockets[number].recv(1 << 18)
            end = data.find(b"\r\n\r\n")
            if end >= 0:
                at = data.find(b"content-length: ") + 16
                length = int(data[at : data.find(b"\r", at)])
                if len(data) >= end + 4 + length:
                    self.latencies.append(time.perf_counter() - self._since[number])
                    self.statuses[data[9:12]] += 1
                    self.body_bytes = length
                    self.free.append(number)
                    continue
            elif not data:
                raise ConnectionError("the server closed a connection")
            self._received[number] = data

    def close(self) -> None:
        for connection in self._sockets.values():
            connection.close()
        self._epoll.close()


def full_load(port: int, requests: Iterable[bytes], connections: int, seconds: float = 3600.0) -> Load:
    """Closed loop: every connection asks again as soon as it was answered, until time or requests are over."""
    pool = Connections(port, connections)
    coming = iter(requests)
    start = time.perf_counter()
    stop = start + seconds
    more = True
    while more or len(pool.free) < connections:
        more = more and time.perf_counter() < stop
        while more and pool.free:
            if (request := next(coming, None)) is None:
                more = False
            else:
                pool.send(request, time.perf_counter())
        pool.collect(1)
    taken = time.perf_counter() - start
    pool.close()
    return Load(taken, np.array(pool.latencies), pool.statuses, pool.body_bytes)


def paced_load(port: int, requests: Sequence[bytes], connections: int, seconds: float, rate: float) -> Load:
    """Open loop: a request is due every 1 / rate seconds, whether or not the server keeps up."""
    pool = Connections(port, connections)
    start = time.perf_counter()
    total, sent = int(seconds * rate), 0
    while len(pool.latencies) < total:
        now = time.perf_counter()
        while sent < total and pool.free and (due := start + sent / rate) <= now:
            pool.send(requests[sent % len(requests)], due)
            sent += 1
        pool.collect(0 if sent < total else 1)
    taken = time.perf_counter() - start
    pool.close()
    return Load(taken, np.array(pool.latencies), pool.statuses, pool.body_bytes)
