"""Every statement of knowledge, as a typed function; one class per noun."""

from grace.knowledge.store.artifacts import Kept, Store, Stored
from grace.knowledge.store.place import QdrantError, qdrant_of
from grace.knowledge.store.vectors import (
    DIMENSIONS,
    Indexed,
    Uncopied,
    Vectors,
    Waiting,
    has_vectors,
)
from grace.knowledge.store.words import FullText

__all__ = [
    "DIMENSIONS",
    "FullText",
    "Indexed",
    "Kept",
    "QdrantError",
    "Store",
    "Stored",
    "Uncopied",
    "Vectors",
    "Waiting",
    "has_vectors",
    "qdrant_of",
]
