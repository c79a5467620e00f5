"""What programs read to know Grace: OpenAPI for HTTP, AsyncAPI for NATS."""

import httpx

from grace.contracts.subjects import SUBJECTS
from grace.gateway.api.application import rest
from grace.gateway.settings import Settings


async def test_the_asyncapi_document_is_served_and_names_every_subject() -> None:
    wire = httpx.ASGITransport(app=rest(None, Settings()))
    async with httpx.AsyncClient(transport=wire, base_url="http://grace") as client:
        answer = await client.get("/asyncapi.json")
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document["asyncapi"].startswith("3.")
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses >= SUBJECTS.keys()
