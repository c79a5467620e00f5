"""Which statement finds a page of missions: each way to stand has an index, so that none passes over all the others."""

from grace.kit import Query
from grace.verification.store.pages.statements import QUERIES


def page_of(status: str | None) -> Query:
    """Return the statement that finds missions that stand so; it takes tenant_id, before, status and most."""
    match status:
        case None:
            return QUERIES["missions"]
        case "open" | "needs_attention":
            return QUERIES["open_missions"]
        case "reopened":
            return QUERIES["reopened_missions"]
        case _:
            return QUERIES["ended_missions"]
