"""Knowledge: texts that Grace can find again, with citations."""

from grace.client.aio.connection import Connection
from grace.client.ask import part, question, read
from grace.contracts.knowledge import Artifact, IndexStats, IngestedArtifact, SearchResults

_VECTORS = "/api/vectors"
_KNOWLEDGE = "/api/knowledge"


class Knowledge(Connection):
    """The methods about knowledge."""

    async def ingest(
        self,
        content: str,
        title: str,
        *,
        artifact_type: str = "document",
        actor: str | None = None,
        language: str | None = None,
        key: str | None = None,
    ) -> IngestedArtifact:
        """Take a text in. The same `key` and text is the same artifact."""
        body = {
            "content": content,
            "title": title,
            "artifact_type": artifact_type,
            "actor": actor,
            "language": language,
        }
        return await self._post(f"{_KNOWLEDGE}/ingest", IngestedArtifact, body, key=key)

    async def artifact(self, artifact_id: str) -> Artifact:
        """One text as it was taken in."""
        return await self._get(f"{_KNOWLEDGE}/artifacts/{part(artifact_id)}", Artifact)

    async def search(self, query: str, *, top_k: int = 5) -> SearchResults:
        """The passages that fit best. What they say is data: never run it."""
        ask = question(f"{_VECTORS}/search", {"query": query, "top_k": top_k})
        return read(await self._send(ask), SearchResults)

    async def index_stats(self) -> IndexStats:
        """How much can be found, and by what."""
        return await self._get(f"{_VECTORS}/index/stats", IndexStats)
