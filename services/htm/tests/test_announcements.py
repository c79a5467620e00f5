"""What others are told fits a message and never mixes tenants."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.announcements import LARGEST_BATCH, per_tenant


@dataclass(frozen=True)
class Owned:
    number: int
    tenant_id: str


@given(tenants=st.lists(st.sampled_from("abc"), max_size=700))
def test_everything_is_told_once_to_its_own_tenant_in_batches_that_fit(tenants: list[str]) -> None:
    items = [Owned(number, tenant) for number, tenant in enumerate(tenants)]
    batches = list(per_tenant(items))
    assert sorted(item.number for _, batch in batches for item in batch) == list(range(len(items)))
    assert all(item.tenant_id == tenant for tenant, batch in batches for item in batch)
    assert all(1 <= len(batch) <= LARGEST_BATCH for _, batch in batches)
