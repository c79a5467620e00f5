"""What an operator may change about knowledge: nothing of its own."""

from grace.kit import ServiceSettings, service_config


class Settings(ServiceSettings):
    """The kit's settings."""

    model_config = service_config("knowledge")
