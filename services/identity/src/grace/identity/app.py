"""Everything identity is made of, in the order it starts."""

from grace.identity import handlers, loops
from grace.identity.handlers.keys import Keyring, OwnKeys
from grace.identity.settings import Settings
from grace.kit import Service


def build(settings: Settings | None = None) -> Service:
    """Identity: it alone has the master key."""
    settings = settings or Settings()
    keyring = Keyring(settings, loops.Announce)
    own = OwnKeys(keyring)
    return (
        Service("identity", settings)
        .schema(__file__)
        .keys(own)
        .serve(handlers.rpc(settings, keyring))
        .every(settings.announce_interval, loops.Announce())
        .every(settings.checkpoint_interval, loops.Checkpoint(settings, own), leader=True)
    )
