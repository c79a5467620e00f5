"""A `grace` for shells that is forked from a process which has imported it: in a tenth of the time.

Otherwise it is what the real one is: a process of its own with the caller's arguments, environment,
folder and files. What is started by it does not get the signals of the shell.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from grace.client.cli import Commands, main
from grace.stack.processes import end_with_parent

_MOST_BYTES = 100_000
_READY = b"ready\n"
_CLIENT = """\
#!{python} -IS
import json, os, socket, sys

line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
line.connect({place!r})
asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(line, [asked], [0, 1, 2])
sys.exit((line.recv(1) or b"\\x46")[0])
"""


@contextmanager
def served(program: Path) -> Iterator[None]:
    """Let `program` be such a `grace` for the length of the block."""
    place = program.with_name("grace.socket")
    program.write_text(_CLIENT.format(python=sys.executable, place=str(place)), encoding="utf-8")
    program.chmod(0o755)
    command = [sys.executable, str(Path(__file__)), str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == _READY
        try:
            yield
        finally:
            server.kill()


def serve(place: str) -> NoReturn:
    """Answer callers until killed."""
    dict(Commands())
    gc.freeze()  # no child need look through it
    end_with_parent(os.getppid())()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(place)
    listener.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here
    sys.stdout.buffer.write(_READY)
    sys.stdout.flush()
    while True:
        line, _ = listener.accept()
        asked, files, _, _ = socket.recv_fds(line, _MOST_BYTES, 3)
        if not os.fork():
            listener.close()
            code = _live(asked, files)
            with suppress(OSError):  # whoever asked may be gone
                line.send(bytes([code]))
            os._exit(code)
        for each in (line.fileno(), *files):
            os.close(each)
        line.detach()


def _live(asked: bytes, files: list[int]) -> int:
    """The child: what the installed `grace` does."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    words, folder, environment = json.loads(asked)
    for number, each in enumerate(files):
        os.dup2(each, number)
        os.close(each)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = ["grace", *words]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - what Python itself does with it
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
