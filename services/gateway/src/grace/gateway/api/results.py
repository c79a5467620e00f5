"""Results of tasks, whole: those that lie in the row, and those that lie in the blob store."""

from fastapi import APIRouter, Request, Response

from grace.contracts.htm import GetTasks
from grace.gateway.api.envelope import Id
from grace.gateway.api.tasks import Reader, UnknownTask
from grace.kit import NotFound
from grace.kit.blobs import BlobRef, Blobs

router = APIRouter(prefix="/api/htm/tasks", tags=["htm"])

_SUCCEEDED = "succeeded"


class NoResult(NotFound):
    """The task has no result: it has not succeeded, or what it did returns none."""


@router.get(
    "/{task_id}/result",
    summary="Read a task's result",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {}}}}},
)
async def read_result(task_id: Id, caller: Reader, request: Request) -> Response:
    """Return the JSON as its worker wrote it, without an envelope, however large it is.

    What lies in the blob store is compared with its hash first.
    """
    found = await caller.ask(GetTasks(task_ids=(task_id,)))
    own = next((task for task in found.tasks if task.tenant_id == caller.tenant), None)
    if own is None:
        raise UnknownTask
    # What a failed attempt brought, or a parent whose child failed, is shown with the task and is no result of it.
    if own.status != _SUCCEEDED:
        raise NoResult
    if own.result_sha256 is not None and own.result_size_bytes is not None:
        blobs: Blobs = request.app.state.blobs
        body = await blobs.get(BlobRef(own.result_sha256, own.result_size_bytes))
    elif own.result_json is not None:
        body = own.result_json.encode()
    else:
        raise NoResult
    return Response(body, media_type="application/json")
