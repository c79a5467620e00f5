"""The AsyncAPI document: what travels over NATS, beside what OpenAPI tells of HTTP."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

from grace.kit import NotFound

router = APIRouter()

_FILE = "asyncapi.json"


class NoDocument(NotFound):
    """This build of Grace has no AsyncAPI document."""


@router.get("/asyncapi.json", include_in_schema=False)
async def read_asyncapi() -> Response:
    """Return the document as it was generated with the contracts."""
    return Response(_document(), media_type="application/json")


@cache
def _document() -> bytes:
    document = files("grace.contracts") / _FILE
    if not document.is_file():
        raise NoDocument
    return document.read_bytes()
