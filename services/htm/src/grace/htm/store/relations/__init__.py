"""What tasks wait for, as typed functions."""

from grace.htm.store.relations.followers import Followers
from grace.htm.store.relations.relatives import Relatives

__all__ = ["Followers", "Relatives"]
