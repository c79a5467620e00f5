"""Who consented that which operation uses which secret."""

from grace.governance.store.consents.consents import Consents
from grace.governance.store.consents.lists import signed_list

__all__ = ["Consents", "signed_list"]
