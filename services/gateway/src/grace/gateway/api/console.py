"""The web console: the files that `make console` has built, as they are."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import RedirectResponse, Response

from grace.kit import NotFound

router = APIRouter(include_in_schema=False)

_PLACE = "/console/"
_PAGE = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
# Its own files and its own gateway, and nothing that was written into the page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# An asset's name changes with what is in it; the page has one name for ever.
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_READ = ["GET", "HEAD"]

Known = Annotated[str | None, Header(alias="If-None-Match")]


class NoConsole(NotFound):
    """No such file of the console, or it is turned off here (GRACE_GATEWAY_CONSOLE)."""


@dataclass(frozen=True, slots=True)
class Built:
    """One file of the console."""

    body: bytes
    headers: Mapping[str, str]


@router.api_route("/", methods=_READ)
@router.api_route("/console", methods=_READ)
async def find_console(request: Request) -> Response:
    """Show people the way."""
    _served(request, _PAGE)
    return RedirectResponse(_PLACE, status_code=307)


@router.api_route(_PLACE, methods=_READ)
async def read_page(request: Request, known: Known = None) -> Response:
    """Return the page."""
    return _answer(_served(request, _PAGE), known)


@router.api_route(_PLACE + "assets/{name}", methods=_READ)
async def read_asset(name: str, request: Request, known: Known = None) -> Response:
    """Return a file that the page names."""
    return _answer(_served(request, f"assets/{name}"), known)


def _served(request: Request, name: str) -> Built:
    """The file of that name; a name that is none of them is looked for nowhere."""
    found = _built().get(name) if request.app.state.settings.console else None
    if found is None:
        raise NoConsole
    return found


def _answer(file: Built, known: str | None) -> Response:
    if known == file.headers["ETag"]:
        return Response(status_code=304, headers=dict(file.headers))
    return Response(file.body, headers=dict(file.headers))


@cache
def _built() -> Mapping[str, Built]:
    """Every file of the console by its name; they are read once."""
    folder = files("grace.gateway.api") / "pages"
    found = {_PAGE: folder / _PAGE}
    found |= {f"assets/{each.name}": each for each in (folder / "assets").iterdir()}
    return {name: _read(name, each) for name, each in found.items()}


def _read(name: str, file: Traversable) -> Built:
    body = file.read_bytes()
    headers = {
        "Content-Type": _TYPES[file.name[file.name.rindex(".") :]],
        "Cache-Control": _ASK_AGAIN if name == _PAGE else _FOR_GOOD,
        "Content-Security-Policy": _POLICY,
        "ETag": f'"{hashlib.sha256(body).hexdigest()}"',
    }
    return Built(body, headers)
