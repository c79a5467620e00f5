"""The short way of the busiest request: a submission that is as it should be passes the router by.

Whatever is wrong with it takes the ordinary way, which says so; both end in the same function.
"""

import json
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from grace.gateway.api.callers import caller_of
from grace.gateway.api.errors import answer_of
from grace.gateway.api.orders import PREFIX, NewTasks, accept_specs, specs_of
from grace.gateway.api.visit import Visit
from grace.gateway.domain.access import Scope
from grace.kit import GraceError

_ACCEPTED = 202


@dataclass(frozen=True, slots=True)
class _Route:
    """What counters and logs call it: the same as on the ordinary way."""

    path: str = PREFIX


async def answer_submission(app: FastAPI, visit: Visit, body: bytes) -> Response | None:
    """The answer to a submission; None where this is no flawless one, and nothing was done."""
    if not _is_submission(visit):
        return None
    caller = caller_of(app.state, visit.state, PREFIX)
    try:
        # As FastAPI reads it, so that nothing is taken here which is refused there.
        specs = specs_of(NewTasks.model_validate(json.loads(body)), caller)
    except (ValidationError, RequestValidationError):
        return None
    visit.scope["route"] = _Route()
    try:
        envelope = await accept_specs(app.state.submissions, specs, caller)
    except GraceError as error:
        return answer_of(error, path=visit.path, request_id=visit.request_id)
    return Response(envelope.model_dump_json(), _ACCEPTED, media_type="application/json")


def _is_submission(visit: Visit) -> bool:
    """Whether it asks for this and nothing else, by a key that may."""
    if visit.method != "POST" or visit.path != PREFIX or visit.scope["query_string"]:
        return False
    return visit.key is not None and Scope.HTM_WRITE in visit.key.scopes
