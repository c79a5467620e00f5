"""What an operator may change about learning: nothing of its own, it is always on."""

from grace.kit import ServiceSettings, service_config


class Settings(ServiceSettings):
    """The kit's settings."""

    model_config = service_config("learning")
