"""What an operator may change about knowledge."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from grace.kit import ServiceSettings, service_config

Duration = Annotated[timedelta, Field(gt=timedelta(0))]


class Settings(ServiceSettings):
    """GRACE_KNOWLEDGE_<FIELD>."""

    model_config = service_config("knowledge")

    # A repeat that comes later is another request; as long as inboxes remember.
    keep_keys: Duration = timedelta(days=7)
    # How often it is looked for keys that have served their time; they harm nobody meanwhile.
    prune_interval: Duration = timedelta(minutes=10)
