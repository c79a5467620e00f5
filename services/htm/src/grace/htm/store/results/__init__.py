"""Results that lie elsewhere."""

from grace.htm.store.results.references import References

__all__ = ["References"]
