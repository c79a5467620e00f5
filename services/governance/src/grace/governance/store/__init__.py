"""Every statement of governance, as a typed function; one class per noun."""

from grace.governance.store.approvals import Opening, Store, StoredContract
from grace.governance.store.switch import Switches

__all__ = ["Opening", "Store", "StoredContract", "Switches"]
