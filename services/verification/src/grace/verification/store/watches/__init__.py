"""Late looks at verified contracts, and the verdicts that they took back."""

from grace.verification.store.watches.watches import DueWatch, Revised, Revision, Watches

__all__ = ["DueWatch", "Revised", "Revision", "Watches"]
