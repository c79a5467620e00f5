"""What an operator may change about learning: nothing of its own, it is always on."""

from pydantic import Field

from grace.kit import ServiceSettings, service_config


class Settings(ServiceSettings):
    """The kit's settings."""

    model_config = service_config("learning")

    # Each connection is a process of Postgres of three megabytes, and it has little to do at once.
    pool_size: int = Field(default=2, ge=2, le=100)
