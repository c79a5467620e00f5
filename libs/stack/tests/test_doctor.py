"""`grace doctor` finds the Grace that is up, wherever it is named from and whatever the shell says."""

import io
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from grace.stack import doctor
from grace.stack.ports import LOOPBACK, free_port


class Ready(BaseHTTPRequestHandler):
    """The probe of a house with one service."""

    def do_GET(self) -> None:
        """Say that it is ready."""
        body = json.dumps({"services": {"htm": []}}).encode()
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
