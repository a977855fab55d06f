"""A connection with bounds: how long a request may take to arrive, and how large its headers may be.

uvicorn bounds only the idle time between requests. A request that arrives in one piece costs no timer here.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from bandi.serving.problems import CONTENT_TYPE, ProblemDetails

ARRIVAL_TIMEOUT_S = 30.0
"""Longest time from a connection, or a request's first byte, to its last byte; a slower client is answered 408."""
MAX_HEADER_BYTES = 65_536
"""Headers that are longer and not at their end are answered 431."""


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with bounds, and problem details where it refuses a request itself."""

    _deadline: asyncio.TimerHandle | None = None
    _whole = False  # nothing of a request is outstanding
    _in_headers = True
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(ARRIVAL_TIMEOUT_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """A client went."""
        self._clear_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of one or more requests."""
        super().data_received(data)
        if self._whole:
            if self._deadline is not None:
                self._clear_deadline()
            return
        if self._in_headers:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES:
                self._refuse(431, "Request header fields too large", f"more than {MAX_HEADER_BYTES} bytes of headers")
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(ARRIVAL_TIMEOUT_S, self._too_slow)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._whole, self._in_headers, self._header_bytes = False, True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._in_headers = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._whole = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls for bytes that are no HTTP."""
        self._refuse(400, "Malformed HTTP", msg)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self._refuse(408, "Request timeout", f"the request did not arrive within {ARRIVAL_TIMEOUT_S:.0f} s")

    def _refuse(self, status: int, title: str, detail: str) -> None:
        """Answer, unless the application has begun to, and close."""
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            body = msgspec.json.encode(ProblemDetails(title, status, detail=detail))
            head = b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (CONTENT_TYPE, len(body))
            self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()
