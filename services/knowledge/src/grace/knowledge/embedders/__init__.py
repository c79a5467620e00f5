"""What turns texts into vectors: our own, by letters, or a model of sentence-transformers."""

from typing import assert_never

from grace.kit.settings import SettingsError
from grace.knowledge.embedders.letters import Letters
from grace.knowledge.embedders.model import SentenceModel
from grace.knowledge.embedders.protocol import Embedder, EmbeddingError
from grace.knowledge.settings import Settings

__all__ = ["Embedder", "EmbeddingError", "Letters", "SentenceModel", "embedder_of"]


def embedder_of(settings: Settings) -> Embedder | None:
    """Return what an operator has chosen; None where words alone are to find.

    SettingsError where the model that was chosen cannot be used.
    """
    match settings.embedder:
        case "off":
            return None
        case "letters":
            return Letters()
        case "sentence-transformers":
            if settings.embedder_model is None:
                raise SettingsError(
                    "GRACE_KNOWLEDGE_EMBEDDER_MODEL is not set: name the folder of a model"
                )
            return SentenceModel(settings.embedder_model)
        case _:
            assert_never(settings.embedder)
