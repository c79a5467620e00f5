"""What an operator may change about knowledge."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from grace.kit import ServiceSettings, service_config

_URL = r"^https?://[^\s@?#]+$"  # A password does not belong into a URL.

Duration = Annotated[timedelta, Field(gt=timedelta(0))]


class Settings(ServiceSettings):
    """GRACE_KNOWLEDGE_<FIELD>."""

    model_config = service_config("knowledge")

    # Each connection is a process of Postgres of three megabytes, and it has little to do at once.
    pool_size: int = Field(default=2, ge=2, le=100)
    # A repeat that comes later is another request; as long as inboxes remember.
    keep_keys: Duration = timedelta(days=7)
    # How often it is looked for keys that have served their time; they harm nobody meanwhile.
    prune_interval: Duration = timedelta(minutes=10)
    # What makes vectors: letters needs nothing and knows likeness of spelling alone; a model of
    # sentence-transformers (requirements/embed.txt) knows meaning. off: words alone find.
    embedder: Literal["letters", "sentence-transformers", "off"] = "letters"
    # The model's folder; its vectors have 384 numbers.
    embedder_model: Path | None = None
    # An ingested text wakes the loop at once; this is for what failed, and for what a crash forgot.
    embed_interval: Duration = timedelta(seconds=2)
    # Passages at a time: a hundred take a tenth of a second, beside everything else.
    embed_most: int = Field(default=100, ge=1, le=1000)
    # A replica that dies while it embeds: another one begins again after that.
    embed_within: Duration = timedelta(minutes=2)
    # A passage that an embedder fails on is tried so often, after 2, 4, 8 .. seconds.
    embed_attempts: int = Field(default=6, ge=1, le=20)
    # After that it is given up: tried once more at each start, and so long after every failure.
    embed_again: Duration = timedelta(days=1)
    # A Qdrant server that compares the vectors in PostgreSQL's place; without a port it is 6333.
    qdrant_url: str | None = Field(default=None, pattern=_URL)
    # Holds its API key, which is sent over https alone, or to this machine.
    qdrant_key_file: Path | None = None
    # Made where it is missing; each installation has its own.
    # Of this installation alone: what it did not put there it takes out.
    qdrant_collection: str = Field(default="grace", pattern=r"^[A-Za-z0-9_-]{1,60}$")
    # A question waits for Qdrant so long; then PostgreSQL answers.
    qdrant_timeout: Duration = timedelta(seconds=2)
    # Nobody waits for a batch of copies; one that is cut off is begun anew.
    qdrant_copy_timeout: Duration = timedelta(seconds=30)
