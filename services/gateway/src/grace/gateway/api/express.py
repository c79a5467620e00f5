"""The short way of a request that is as it should be: straight from the door to its route's function.

Whatever is wrong with it takes the ordinary way, which says so; both end in the same function.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from grace.gateway.api.callers import allowed
from grace.gateway.api.errors import answer_of
from grace.gateway.api.shortcut import NotFlawless, Shortcut, shortcut_of
from grace.gateway.api.visit import Visit
from grace.kit import Forbidden, GraceError

# Before it, every path is `/api`.
_NOUN = 2


class Express:
    """The routes of an app, by what is seen of a path at a glance: FastAPI tries one after the other."""

    def __init__(self, app: FastAPI) -> None:
        self._house = app.state
        self._routes = _by_shape([each for each in app.routes if isinstance(each, APIRoute)])

    async def answer(self, visit: Visit, body: bytes) -> Response | None:
        """The answer to a request; None where this is no flawless one, and nothing was done."""
        found = self._find(visit)
        if found is None:
            return None
        shortcut, named = found
        try:
            caller = allowed(self._house, visit.scope, shortcut.scopes)
            asked = await shortcut.read(visit.scope, named, body, caller)
        except (Forbidden, HTTPException, NotFlawless):
            return None
        visit.scope["route"] = shortcut.route
        try:
            return await asked.answer()
        except (GraceError, HTTPException, RequestValidationError) as error:
            return answer_of(error, path=visit.path, request_id=visit.request_id)

    def _find(self, visit: Visit) -> tuple[Shortcut, Mapping[str, str]] | None:
        """The first route whose path fits, as FastAPI would take it; None where it has no short way."""
        for route, shortcut in self._routes.get(_shape(visit.method, visit.path), ()):
            if (fitting := route.path_regex.match(visit.path)) is not None:
                return None if shortcut is None else (shortcut, fitting.groupdict())
        return None


_Shape = tuple[str, int, str]


def _by_shape(
    routes: Sequence[APIRoute],
) -> Mapping[_Shape, Sequence[tuple[APIRoute, Shortcut | None]]]:
    found: defaultdict[_Shape, list[tuple[APIRoute, Shortcut | None]]] = defaultdict(list)
    for route in routes:
        for method in route.methods or ():
            found[_shape(method, route.path)].append((route, shortcut_of(route)))
    return dict(found)


def _shape(method: str, path: str) -> _Shape:
    """What a path and the route that it is for have alike: a parameter stands for one part of a path."""
    parts = path.split("/")
    return method, len(parts), parts[_NOUN] if len(parts) > _NOUN else ""
