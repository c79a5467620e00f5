"""Keys and scopes, without any server."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from grace.gateway.domain.access import (
    PREFIX,
    Key,
    Scope,
    Standing,
    beyond,
    hash_of,
    is_token,
    standing,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AGES = st.integers(-3, 3).map(lambda seconds: NOW + timedelta(seconds=seconds))


def key(expires_at: datetime | None = None, revoked_at: datetime | None = None) -> Key:
    return Key(
        key_id="key-1",
        tenant_id="default",
        principal="ada",
        name="",
        scopes=("missions:read",),
        created_by="admin",
        created_at=NOW,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )


@given(AGES | st.none(), AGES | st.none())
def test_a_key_opens_the_door_until_it_ends(
    expires_at: datetime | None, revoked_at: datetime | None
) -> None:
    found = standing(key(expires_at, revoked_at), now=NOW)
    over = revoked_at is not None or (expires_at is not None and expires_at <= NOW)
    assert (found is Standing.VALID) is not over
    assert (found is Standing.REVOKED) is (revoked_at is not None)


@given(st.sets(st.sampled_from(Scope)), st.sets(st.sampled_from(Scope)))
def test_nobody_hands_on_what_they_do_not_have(wanted: set[Scope], own: set[Scope]) -> None:
    assert (beyond(wanted, own) == []) is (wanted <= own)


@given(st.text())
def test_only_long_texts_with_the_prefix_can_be_tokens(text: str) -> None:
    assert not is_token(text) or (text.startswith(PREFIX) and len(text) >= 49)
    assert len(hash_of("grace_" + "x" * 43)) == 32
