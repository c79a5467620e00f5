"""The settings of identity."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from grace.kit import Duration, ServiceSettings, service_config


class Settings(ServiceSettings):
    """GRACE_IDENTITY_*."""

    model_config = service_config("identity")

    # Wraps every private key; whoever has it and the database has all keys. 0600, not in the image.
    master_key_file: Path = Path("~/.grace/master.key")
    # `fernet` for those who must; it cannot bind a ciphertext to its row (docs/decisions).
    cipher_suite: str = Field(default="aes-256-gcm", pattern="^(aes-256-gcm|fernet)$")
    # A key signs for a quarter of a year, then a new one takes over; old ones verify for ever.
    key_lifetime: Duration = timedelta(days=90)
    # The name of the log in checkpoints; verifiers pin it.
    log_origin: str = Field(default="grace.local/log", min_length=1, max_length=128)
    # How old a checkpoint may be; nothing is signed while the log does not grow.
    checkpoint_interval: Duration = timedelta(seconds=1)
    # A new key wakes the announcement; this is for what was missed.
    announce_interval: Duration = timedelta(seconds=5)
