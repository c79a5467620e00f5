"""How far attempts are."""

from grace.htm.store.progress.progress import Progresses

__all__ = ["Progresses"]
