"""Pages of missions: all of a tenant's, or those that stand in one way."""

from grace.verification.store.pages.pages import page_of

__all__ = ["page_of"]
