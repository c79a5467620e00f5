"""Set Grace up in this folder: .venv with every dependency (hashed) and every member, editable.

Standard library only, and it parses on Pythons too old for Grace, to be able to say so.
A repeat does nothing: a stamp in .venv tells what it was made from. One that was killed is begun
anew: pip and uv take a package that is half there for installed.
"""

from __future__ import print_function

import ast
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import time

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
UV = os.path.join(VENV, "bin", "uv")
STAMP = os.path.join(VENV, ".grace-setup")
UNFINISHED = "unfinished"  # the stamp while .venv is being changed
BOOTSTRAP = os.path.join(ROOT, "requirements", "bootstrap.lock")
LOCK = os.path.join(ROOT, "requirements", "dev.lock")
# What would send pip or uv to another place than .venv.
MISLEADING = {
    "CONDA_PREFIX",
    "PIP_PREFIX",
    "PIP_PYTHON",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
    "UV_PREFIX",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_TARGET",
    "UV_WORKING_DIRECTORY",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
}


class SetupError(Exception):
    """The set-up cannot go on; the message is one line that says what to do."""


def main():
    """Bring .venv up to date; return the exit code."""
    try:
        check_python()
        lock = hold_lock()
        try:
            set_up()
        finally:
            os.close(lock)
    except (SetupError, IOError, OSError) as error:
        print("setup: %s" % error, file=sys.stderr)
        return 1
    return 0


def check_python():
    """Refuse a Python that cannot run Grace."""
    if sys.version_info < OLDEST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        raise SetupError(
            "Grace needs Python 3.11 or newer and this is %s; name one, as in "
            "`make setup PYTHON=python3.12`" % found
        )


def hold_lock():
    """Wait until no other set-up works in this folder, nor what a killed one left behind."""
    import fcntl  # noqa: PLC0415 - not there on every system that must get check_python's answer

    folder = os.open(ROOT, os.O_RDONLY)
    os.set_inheritable(folder, True)  # noqa: FBT003 - it takes no keyword
    fcntl.flock(folder, fcntl.LOCK_EX)
    return folder


def set_up():
    """Do what the stamp says is not done yet."""
    if up_to_date():
        print("setup: nothing to do")
        return
    started = time.time()
    environment = child_environment()
    if not usable(environment):
        make_venv(environment)
    write_stamp(UNFINISHED)
    install_uv(environment)
    environment.update(index_settings(environment))
    install_dependencies(environment)
    install_members(environment)
    write_stamp(fingerprint())
    print("setup: done in %.0f s" % (time.time() - started))


def members():
    """Return the folders of the workspace's members."""
    found = glob.glob(os.path.join(ROOT, "libs", "*", "pyproject.toml"))
    found += glob.glob(os.path.join(ROOT, "services", "*", "pyproject.toml"))
    return sorted(os.path.dirname(path) for path in found)


def fingerprint():
    """Return a digest of all that .venv is made from, and where it stands."""
    digest = hashlib.sha256(ROOT.encode("utf-8", "surrogateescape"))
    paths = [BOOTSTRAP, LOCK, os.path.abspath(__file__), os.path.join(VENV, "pyvenv.cfg")]
    for path in paths + [os.path.join(member, "pyproject.toml") for member in members()]:
        digest.update(path.encode("utf-8", "surrogateescape") + b"\0" + read(path) + b"\0")
    return digest.hexdigest()


def up_to_date():
    """Tell whether .venv was made from what is here, here, and its Python is still there."""
    return stamp() == [fingerprint(), ROOT] and os.access(PYTHON, os.X_OK)


def stamp():
    """Return what the last complete set-up wrote: fingerprint and folder."""
    return read(STAMP).decode("utf-8", "surrogateescape").splitlines()


def write_stamp(state):
    """Remember what .venv is made from, or that it is unfinished."""
    with open(STAMP + ".new", "wb") as file:
        file.write(("%s\n%s\n" % (state, ROOT)).encode("utf-8", "surrogateescape"))
    os.rename(STAMP + ".new", STAMP)


def usable(environment):
    """Tell whether .venv can be kept: its Python runs, it is whole, it was not moved."""
    if stamp() and (stamp()[0] == UNFINISHED or stamp()[1:] != [ROOT]):
        return False
    script = "import sys; sys.exit(sys.version_info < %r)" % (OLDEST,)
    whole = os.path.exists(UV) or works([PYTHON, "-I", "-m", "pip", "--version"], environment)
    return whole and works([PYTHON, "-I", "-c", script], environment)


def make_venv(environment):
    """Make an empty .venv: with ensurepip, or with uv, or with the system's pip."""
    print("setup: making .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    os.makedirs(VENV)
    write_stamp(UNFINISHED)
    # Inside another virtual environment, the Python that this one was made from.
    python = getattr(sys, "_base_executable", None) or sys.executable
    uv = shutil.which("uv")
    if works([python, "-I", "-c", "from ensurepip import bootstrap"], environment):
        run([python, "-I", "-m", "venv", VENV], environment)
    elif uv:
        options = ["--quiet", "--no-project", "--allow-existing", "--python", python]
        run([uv, "venv"] + options + [VENV], environment)
    elif works([python, "-I", "-m", "pip", "--python", python, "--version"], environment):
        run([python, "-I", "-m", "venv", "--without-pip", VENV], environment)
    else:
        raise SetupError(
            "%s has neither ensurepip nor pip, and there is no uv: install its venv package "
            "(Debian: apt install python%d.%d-venv)" % ((python,) + sys.version_info[:2])
        )


def install_uv(environment):
    """Install the locked uv into .venv with whatever installer there is."""
    print("setup: installing uv")
    options = ["install", "--quiet", "--no-deps", "--require-hashes", "-r", BOOTSTRAP]
    if works([PYTHON, "-I", "-m", "pip", "--version"], environment):
        run([PYTHON, "-I", "-m", "pip"] + options, environment)
    elif shutil.which("uv"):
        outside = dict(environment, **index_settings(environment))
        run([shutil.which("uv"), "pip"] + options + ["--python", PYTHON], outside)
    else:
        python = getattr(sys, "_base_executable", None) or sys.executable
        run([python, "-I", "-m", "pip", "--python", PYTHON] + options, environment)


def install_dependencies(environment):
    """Make .venv hold exactly what the lock names; this also removes the members."""
    print("setup: installing dependencies")
    options = ["--quiet", "--python", PYTHON, "--require-hashes", "--compile-bytecode"]
    # Named again, uv stays: in an environment that a uv made, sync would take it away.
    run([UV, "pip", "sync"] + options + [BOOTSTRAP, LOCK], environment)


def install_members(environment):
    """Install every member editable, in one call."""
    found = members()
    print("setup: installing %d members" % len(found))
    options = ["--quiet", "--python", PYTHON, "--no-deps", "--no-build-isolation"]
    editable = [part for member in found for part in ("--editable", member)]
    if found:
        run([UV, "pip", "install"] + options + editable, environment)
        # Once, and not by each of the processes that begin together later.
        sources = [os.path.join(member, "src") for member in found]
        run([PYTHON, "-I", "-m", "compileall", "-q"] + sources, environment)


def child_environment():
    """Return the caller's environment without what would mislead Python, pip or uv."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and name not in MISLEADING
    }
    kept.setdefault("PATH", os.defpath)
    kept["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    kept["PIP_NO_INPUT"] = "1"
    # uv brings certificate authorities of its own; a company's proxy is known to the system only.
    kept.setdefault("UV_SYSTEM_CERTS", "1")
    if not has_cache(kept):
        kept.update({"UV_NO_CACHE": "1", "PIP_NO_CACHE_DIR": "1"})
    return kept


def has_cache(environment):
    """Tell whether this account can write a cache: one without a home cannot, and uv gives up."""
    folder = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    while not os.path.isdir(folder):
        folder, tail = os.path.split(folder)
        if not tail:
            return False
    return os.access(folder, os.W_OK)


def index_settings(environment):
    """Return, as uv's setting, the package index that pip was told to use: uv reads no pip.conf."""
    if "UV_DEFAULT_INDEX" in environment or "UV_INDEX_URL" in environment:
        return {}
    told = environment.get("PIP_INDEX_URL") or configured_index(environment)
    return {"UV_DEFAULT_INDEX": told} if told else {}


def configured_index(environment):
    """Return the index-url of pip's configuration files; "" when there is none."""
    try:
        command = [PYTHON, "-I", "-m", "pip", "config", "list"]
        output = subprocess.check_output(command, env=environment, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return ""
    for line in output.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key in ("global.index-url", "install.index-url"):
            return ast.literal_eval(value)
    return ""


def works(command, environment):
    """Tell whether a command ends well, in silence."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.call(command, env=environment, **quiet) == 0
    except OSError:
        return False


def run(command, environment):
    """Run one step; SetupError when it fails."""
    try:
        # What it starts holds the lock, too.
        code = subprocess.call(command, env=environment, cwd=ROOT, close_fds=False)
    except OSError as error:
        raise SetupError("%s cannot run: %s" % (command[0], error))
    if code != 0:
        raise SetupError("`%s` failed: see above, then run it again" % " ".join(command[:5]))


def read(path):
    """Return a file's bytes; none when it is not there."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (IOError, OSError):
        return b""


if __name__ == "__main__":
    sys.exit(main())
