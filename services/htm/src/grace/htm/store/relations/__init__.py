"""What tasks wait for, as typed functions."""

from grace.htm.store.relations.followers import Ends, Followers
from grace.htm.store.relations.relatives import Relatives

__all__ = ["Ends", "Followers", "Relatives"]
