"""What knowledge's tests share: one plain text, different where a test says so."""

from collections.abc import Callable

import pytest

from grace.contracts.knowledge import IngestArtifact

RUNBOOK = {
    "tenant_id": "default",
    "content": "When sessions are blocked, look at pg_blocking_pids first.\n",
    "title": "Waiting for locks",
    "artifact_type": "runbook",
    "actor": "alice",
}


@pytest.fixture(scope="session")
def make_ingest() -> Callable[..., IngestArtifact]:
    """Make a request to take a text in."""

    def make(content: str = RUNBOOK["content"], **other: object) -> IngestArtifact:
        return IngestArtifact(**(RUNBOOK | {"content": content} | other))

    return make
