"""`bandi serve` as a process: ready, a signal with requests under way, and nothing acknowledged is lost."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

import bandi

ITEM = bandi.Item(id="t1", title="Firefly")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "shop.bandi"
    with bandi.open(path) as engine:
        engine.put_items([ITEM])
    return path


class Process:
    """A service in a process of its own; `lines` is what it said."""

    def __init__(self, folder, *options):
        command = [str(Path(sys.executable).with_name("bandi")), "serve", str(folder), "--port", "0", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self.port = 0
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def wait_for(self, pattern, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if found := re.search(pattern, line):
                    return found
            time.sleep(0.01)
        raise AssertionError(f"{pattern!r} not in {self.lines}")

    def wait_until_ready(self):
        self.port = int(self.wait_for(r"ready on http://127\.0\.0\.1:(\d+)")[1])
        return self

    def end(self, number):
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        status = self.process.wait(timeout=60)
        self._reader.join()
        self.process.stderr.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_every_202_is_in_the_log_after_a_stop_under_load(folder, number):
    acknowledged, unexpected, enough = [], [], threading.Event()

    def client(name):
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        try:
            for turn in range(100_000):
                event_id = f"{name}-{turn}"
                event = {"type": "click", "user": "u", "item": "t1", "placement": "home", "event_id": event_id}
                connection.request("POST", "/v1/events", json.dumps(event), {"content-type": "application/json"})
                response = connection.getresponse()
                body = response.read()
                if response.status != 202:
                    unexpected.append(body)
                    return
                acknowledged.append(event_id)
                if len(acknowledged) > 400:
                    enough.set()
        except (OSError, http.client.HTTPException):
            pass  # the service stopped: this one was not acknowledged
        finally:
            connection.close()

    with Process(folder) as service:
        service.wait_until_ready()
        threads = [threading.Thread(target=client, args=(name,)) for name in range(16)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        assert service.end(number) == 0
        for thread in threads:
            thread.join()
    assert "bandi: stopped\n" in service.lines
    assert all(b"Stopping" in body or b"Not ready" in body for body in unexpected)
    with bandi.open(folder) as engine:
        assert engine.opening.folded <= 1, "the stop wrote a snapshot"
        assert engine.stats().events["click"] >= len(acknowledged)
        again = [bandi.Click(user="u", item="t1", placement="home", event_id=name) for name in acknowledged]
        assert engine.record_many(again).duplicates == len(acknowledged)


def test_it_says_what_it_does_and_answers_503_until_ready(folder):
    with Process(folder) as service:
        service.wait_until_ready()
        assert service.end(signal.SIGTERM) == 0
    said = "".join(service.lines)
    order = ["compiling kernels", "folding the log", "log folded in", "ready on", "stopping", "writing a snapshot"]
    assert [said.index(part) for part in order] == sorted(said.index(part) for part in order)
    assert "warning" not in said


def test_a_signal_while_it_starts(folder):
    with Process(folder) as service:
        service.wait_for("compiling kernels")
        assert service.end(signal.SIGTERM) == 0
    assert "Traceback" not in "".join(service.lines)


def test_an_address_beyond_loopback_is_warned_of(folder):
    with Process(folder, "--host", "0.0.0.0") as service:
        service.wait_for("warning: 0.0.0.0 can be reached from other machines, and there is no authentication yet")
        service.wait_for("ready on")
        assert service.end(signal.SIGINT) == 0


def test_a_port_in_use_and_a_busy_folder(folder):
    with Process(folder) as service:
        service.wait_until_ready()
        with Process(folder, "--port", str(service.port)) as other:
            assert other.wait() == 2
        assert "an address that is free" in "".join(other.lines)
        with Process(folder) as other:
            assert other.wait() == 3
        assert "Traceback" not in "".join(other.lines)
        assert service.end(signal.SIGTERM) == 0


def test_access_log_is_off_unless_asked_for(folder):
    for options, count in (((), 0), (("--access-log",), 1)):
        with Process(folder, *options) as service:
            service.wait_until_ready()
            with closing(http.client.HTTPConnection("127.0.0.1", service.port)) as connection:
                connection.request("GET", "/healthz")
                assert connection.getresponse().read() == b'{"status":"ok"}'
            assert service.end(signal.SIGTERM) == 0
        assert sum("/healthz" in line for line in service.lines) == count


def test_a_second_signal_ends_at_once(folder):
    with Process(folder) as service:
        service.wait_until_ready()
        os.kill(service.process.pid, signal.SIGSTOP)  # both signals wait for it
        os.kill(service.process.pid, signal.SIGTERM)
        os.kill(service.process.pid, signal.SIGINT)
        os.kill(service.process.pid, signal.SIGCONT)
        assert service.wait() in (128 + signal.SIGTERM, 128 + signal.SIGINT)
    with bandi.open(folder) as engine:
        assert engine.items.get("t1") == ITEM
