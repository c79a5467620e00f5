"""What governs every tenant is read and changed by the tenant that runs Grace alone."""

from grace.governance.domain.kill_switch import OPERATORS_TENANT
from grace.kit import Forbidden


class NotTheOperators(Forbidden):
    """This governs every tenant: a key of the tenant that runs Grace is needed."""


def refuse_strangers(tenant_id: str) -> None:
    """NotTheOperators for every other tenant."""
    if tenant_id != OPERATORS_TENANT:
        raise NotTheOperators
