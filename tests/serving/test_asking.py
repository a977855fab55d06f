"""The tests' own client: a request that fails leaves no socket open, whose warning another test would fail by."""

import gc
import http.client
import socket
import threading
import warnings

import pytest

from .conftest import Ask

CUT_SHORT = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(CUT_SHORT, http.client.IncompleteRead), (b"", http.client.RemoteDisconnected), (None, TimeoutError)],
    ids=["cut short", "none", "silent"],
)
def test_a_request_that_fails_leaves_nothing_open(answer: bytes | None, expected: type[Exception]) -> None:
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                connection.recv(4_096)
                if answer is None:
                    asked.wait(10)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            with pytest.raises(expected) as raised:
                Ask(listener.getsockname()[1], timeout_s=0.3)("GET", "/")
            asked.set()
            del raised
            gc.collect()
        thread.join()
    assert [str(warning.message) for warning in warned if issubclass(warning.category, ResourceWarning)] == []
