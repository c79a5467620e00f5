"""Install the task queues that `make bench-htm` measures Grace's scheduler beside, apart from .venv.

They are nobody's dependency: .grace/peers is theirs alone, made from requirements/peers.lock.
"""

import hashlib
import os
import shutil
import sys

import setup

FOLDER = os.path.join(setup.ROOT, ".grace", "peers")
PYTHON = os.path.join(FOLDER, "bin", "python")
STAMP = os.path.join(FOLDER, ".grace-peers")
LOCK = os.path.join(setup.ROOT, "requirements", "peers.lock")


def main():
    """Bring the environment up to date; return the exit code."""
    wanted = hashlib.sha256(setup.read(LOCK) + setup.ROOT.encode()).hexdigest().encode()
    if setup.read(STAMP) == wanted and os.access(PYTHON, os.X_OK):
        return 0
    try:
        install()
    except setup.SetupError as error:
        print("peers: %s" % error, file=sys.stderr)
        return 1
    with open(STAMP, "wb") as file:
        file.write(wanted)
    return 0


def install():
    """Make it anew, with exactly what the lock names."""
    print("peers: installing what Grace is measured beside")
    shutil.rmtree(FOLDER, ignore_errors=True)
    environment = setup.child_environment()
    environment.update(setup.index_settings(environment))
    venv = [setup.UV, "venv", "--quiet", "--no-project", "--python", setup.PYTHON, FOLDER]
    setup.run(venv, environment)
    options = ["--quiet", "--python", PYTHON, "--require-hashes", "--compile-bytecode"]
    setup.run([setup.UV, "pip", "sync"] + options + [LOCK], environment)


if __name__ == "__main__":
    sys.exit(main())
