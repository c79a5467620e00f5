"""What a container of Grace does besides its service. Standard library only.

    image.py run                 run the service that the image was made for
    image.py healthy             exit code 0 when it is ready
    image.py own GIVEN KEPT      copy secrets so that only this account can read them

`own` is for Kubernetes, which mounts a secret readable by a group; Grace refuses such a file.
"""

import http.client
import os
import runpy
import sys
from pathlib import Path

_PORT = "9090"
_SECONDS = 3.0


def main() -> int:
    """Do what the arguments say; return the exit code."""
    match sys.argv[1:]:
        case ["run"]:
            return run(_service())
        case ["healthy"]:
            return healthy(_service())
        case ["own", given, kept]:
            return own(Path(given), Path(kept))
        case _:
            print(__doc__, file=sys.stderr)
            return 2


def run(service: str) -> int:
    """Run the service until it ends; probes reach it from outside of the container."""
    os.environ.setdefault(_setting(service, "OPS_HOST"), "0.0.0.0")  # noqa: S104 - see above
    os.environ.setdefault(_setting(service, "OPS_PORT"), _PORT)
    sys.argv = [f"grace.{service}"]
    runpy.run_module(f"grace.{service}", run_name="__main__", alter_sys=True)
    return 0


def healthy(service: str) -> int:
    """Ask the service's own probe whether it is ready."""
    port = int(os.environ.get(_setting(service, "OPS_PORT"), _PORT))
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        line.request("GET", "/health/ready")
        answer = line.getresponse()
        print(answer.read(4096).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer: {error}")
        return 1
    finally:
        line.close()
    return 0 if answer.status == http.HTTPStatus.OK else 1


def own(given: Path, kept: Path) -> int:
    """Copy every file of `given`, each readable by this account alone."""
    try:
        for file in sorted(path for path in given.iterdir() if path.is_file()):
            copy = kept / file.name
            copy.unlink(missing_ok=True)  # a container that is started again finds its old copy
            handle = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            with os.fdopen(handle, "wb") as out:
                out.write(file.read_bytes())
    except OSError as error:
        print(f"grace: a secret cannot be copied: {error}", file=sys.stderr)
        return 1
    return 0


def _service() -> str:
    return os.environ["GRACE_SERVICE"]


def _setting(service: str, field: str) -> str:
    return f"GRACE_{service.upper()}_{field}"


if __name__ == "__main__":
    sys.exit(main())
