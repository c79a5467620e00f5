"""Install what knowledge's models of language need into .venv: a gigabyte and a half that nothing else asks for.

torch has another wheel for each machine, so that requirements/embed.txt names versions without hashes.
"""

import os
import sys

import setup

WANTED = os.path.join(setup.ROOT, "requirements", "embed.txt")


def main():
    """Install what is missing; return the exit code."""
    environment = setup.child_environment()
    environment.update(setup.index_settings(environment))
    if "PIP_FIND_LINKS" in environment:  # where somebody has laid the wheel without CUDA
        environment.setdefault("UV_FIND_LINKS", environment["PIP_FIND_LINKS"])
    command = [setup.UV, "pip", "install", "--quiet", "--python", setup.PYTHON, "-r", WANTED]
    try:
        setup.run(command, environment)
    except setup.SetupError as error:
        print("embeddings: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
