"""One route's short way: reads a request as FastAPI reads it, with FastAPI's own readers, and no more."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi._compat import ModelField
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_body_to_args, request_params_to_args
from fastapi.exceptions import ResponseValidationError
from fastapi.routing import APIRoute
from starlette.convertors import StringConvertor
from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response
from starlette.types import Scope

from grace.gateway.api.callers import Caller, permitted

_OK = 200


class NotFlawless(Exception):
    """Something is not as it should be: the ordinary way says what."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was read: what its route's function is called with."""

    shortcut: "Shortcut"
    values: Mapping[str, Any]
    response: Response | None

    async def answer(self) -> Response:
        """Call the function, and write what it answers."""
        found = await self.shortcut.function(**self.values)
        return found if isinstance(found, Response) else self.shortcut.write(found, self.response)


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A route that asks for nothing but a caller, parameters, a body, and a place for headers."""

    route: APIRoute
    function: Callable[..., Awaitable[Any]]
    scopes: Sequence[str]
    caller_name: str
    written: ModelField

    async def read(
        self, scope: Scope, named: Mapping[str, str], body: bytes, caller: Caller
    ) -> Asked:
        """The values of its parameters. NotFlawless where one of them is not as it should be."""
        needs = self.route.dependant
        values: dict[str, Any] = {self.caller_name: caller}
        given: list[tuple[dict[str, Any], Sequence[Any]]] = []
        if needs.path_params:
            given.append(request_params_to_args(needs.path_params, named))
        if needs.query_params:
            query = QueryParams(scope["query_string"])
            given.append(request_params_to_args(needs.query_params, query))
        if needs.header_params:
            given.append(request_params_to_args(needs.header_params, Headers(scope=scope)))
        if needs.body_params:
            given.append(await self._read_body(body))
        for found, errors in given:
            if errors:
                raise NotFlawless
            values.update(found)
        response = self._place_for_headers()
        if response is not None:
            values[str(needs.response_param_name)] = response
        return Asked(self, values, response)

    async def _read_body(self, body: bytes) -> tuple[dict[str, Any], Sequence[Any]]:
        if not body:
            raise NotFlawless
        # The door has read it before: it is JSON.
        return await request_body_to_args(
            body_fields=self.route.dependant.body_params,
            received_body=json.loads(body),
            embed_body_fields=self.route._embed_body_fields,  # noqa: SLF001
        )

    def _place_for_headers(self) -> Response | None:
        """Where the function may put a status and headers, as FastAPI gives it."""
        if self.route.dependant.response_param_name is None:
            return None
        response = Response()
        del response.headers["content-length"]
        response.status_code = 0
        return response

    def write(self, found: object, place: Response | None) -> Response:
        """The answer in the form that the route declares, and in no other."""
        value, errors = self.written.validate(found, {}, loc=("response",))
        if errors:
            raise ResponseValidationError(errors=errors)
        status = (place.status_code if place else 0) or self.route.status_code or _OK
        text = self.written.serialize_json(value)
        answer = Response(text, status_code=status, media_type="application/json")
        if place is not None:
            answer.headers.raw.extend(place.headers.raw)
        return answer


def shortcut_of(route: APIRoute) -> Shortcut | None:
    """The short way of a route; None where it asks for more, or answers otherwise."""
    written, needs = route.response_field, route.dependant
    if written is None or needs.call is None or not _is_simple(route):
        return None
    caller = needs.dependencies[0]
    return Shortcut(
        route, needs.call, tuple(caller.own_oauth_scopes or ()), str(caller.name), written
    )


def _is_simple(route: APIRoute) -> bool:
    needs = route.dependant
    only_a_caller = [each.call for each in needs.dependencies] == [permitted]
    plain_paths = all(isinstance(each, StringConvertor) for each in route.param_convertors.values())
    in_json = isinstance(route.response_class, DefaultPlaceholder)
    return only_a_caller and plain_paths and in_json and not _asks_for_more(needs)


def _asks_for_more(needs: Dependant) -> bool:
    names = (
        needs.request_param_name,
        needs.websocket_param_name,
        needs.http_connection_param_name,
        needs.background_tasks_param_name,
        needs.security_scopes_param_name,
    )
    return bool(needs.cookie_params) or any(name is not None for name in names)
