"""What knowledge measures beyond what the kit measures."""

from prometheus_client import Counter, Gauge

EMBEDDED = Counter("grace_knowledge_embedded_total", "Passages that got their vectors")
FAILED = Counter(
    "grace_knowledge_embedding_failures_total",
    "Tries of an embedder, each of one passage, that brought no vector",
)
WAITING = Gauge(
    "grace_knowledge_passages_waiting",
    "Passages that wait for a vector; every replica tells the same number",
)
GIVEN_UP = Gauge(
    "grace_knowledge_passages_given_up",
    "Passages that the embedder failed on too often and tries again tomorrow; every replica tells the same number",
)
UNCOPIED = Gauge(
    "grace_knowledge_passages_uncopied",
    "Vectors that Qdrant has no copy of; every replica tells the same number",
)
QDRANT_FAILED = Counter(
    "grace_knowledge_qdrant_failures_total", "Questions and copies that Qdrant did not take"
)
