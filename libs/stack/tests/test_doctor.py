"""`grace doctor` finds the Grace that is up, wherever it is named from and whatever the shell says."""

import io
import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from grace.stack import doctor
from grace.stack.ports import LOOPBACK, free_port


class Ready(BaseHTTPRequestHandler):
    """The probe of a house with two services, of which one has something for people to mend."""

    def do_GET(self) -> None:
        """Say that it is ready."""
        complaints = {"htm": [], "worker": ["the targets file cannot be used"]}
        found = {"services": {"htm": [], "worker": []}, "complaints": complaints}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name upstream
        """Nothing."""


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Path]:
    """The data directory of a Grace that answers."""
    with ThreadingHTTPServer((LOOPBACK, 0), Ready) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pids = dict.fromkeys(("pid", "nats_pid", "postgres_pid"), os.getpid())
        state = {"ops_url": f"http://{LOOPBACK}:{server.server_port}", "postgres_placement": "here"}
        (tmp_path / "up.json").write_text(json.dumps(pids | state), encoding="utf-8")
        yield tmp_path
        server.shutdown()


def told(data_dir: Path) -> str:
    console = Console(file=io.StringIO(), width=200)
    doctor.examine(data_dir, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_proxy_of_the_shell_is_not_asked_for_this_machine(
    up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", f"http://{LOOPBACK}:{free_port()}")
    assert "does not answer" not in told(up)
    assert "ok   htm                ready" in told(up)


def test_a_home_directory_is_the_one_that_up_takes(
    up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(up.parent))
    assert "ok   htm                ready" in told(Path("~") / up.name)


def changed(up: Path, **values: object) -> None:
    file = up / "up.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values), encoding="utf-8")


def test_of_a_grace_that_does_not_answer_no_memory_is_told(up: Path) -> None:
    changed(up, ops_url=f"http://{LOOPBACK}:{free_port()}")
    assert f"bad  grace              process {os.getpid()} does not answer" in told(up)
    assert "memory" not in told(up)


def test_a_server_that_is_gone_is_not_well(up: Path) -> None:
    changed(up, nats_pid=2**22 + 1)  # above every process id
    assert "bad  memory nats-server" in told(up)
    assert "ok   memory postgres" in told(up)


def test_another_program_at_its_port_is_no_grace_that_answers(up: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as stranger:
        changed(up, ops_url=f"http://{LOOPBACK}:{stranger.getsockname()[1]}")
        threading.Thread(target=greet, args=(stranger,), daemon=True).start()
        assert "does not answer" in told(up)


def greet(listener: socket.socket) -> None:
    """Say what no HTTP server says."""
    caller, _ = listener.accept()
    with caller:
        caller.sendall(b"220 mail.example\r\n")


@pytest.mark.parametrize("text", ["", "[]", '{"pid": 1}'])
def test_a_state_that_cannot_be_read_is_bad(tmp_path: Path, text: str) -> None:
    (tmp_path / "up.json").write_text(text, encoding="utf-8")
    assert f"bad  grace              cannot read {tmp_path / 'up.json'}" in told(tmp_path)


def test_what_people_have_to_mend_is_bad_though_the_service_is_ready(up: Path) -> None:
    assert "bad  worker             the targets file cannot be used" in told(up)
