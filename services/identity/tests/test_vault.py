import pytest

from grace.identity.domain.vault import Record, Vault, VaultError

MASTER = "a master key of many letters"
PRIVATE = bytes(range(32))
ROW = {"key_id": "htm-1", "component": "htm"}


@pytest.mark.parametrize("suite", ["aes-256-gcm", "fernet"])
def test_the_same_master_key_opens_what_it_closed(suite: str) -> None:
    record = Vault(MASTER).close(suite, PRIVATE, **ROW)
    assert Vault(MASTER).open(record, **ROW) == PRIVATE
    assert record.suite == suite
    assert PRIVATE not in record.ciphertext + record.wrapped_key


@pytest.mark.parametrize("suite", ["aes-256-gcm", "fernet"])
def test_another_master_key_opens_nothing(suite: str) -> None:
    record = Vault(MASTER).close(suite, PRIVATE, **ROW)
    with pytest.raises(VaultError, match="does not open key htm-1 of htm"):
        Vault(MASTER + "!").open(record, **ROW)


@pytest.mark.parametrize(
    "row",
    [{"key_id": "htm-2", "component": "htm"}, {"key_id": "htm-1", "component": "worker"}],
)
def test_a_ciphertext_copied_into_another_row_does_not_open(row: dict[str, str]) -> None:
    vault = Vault(MASTER)
    with pytest.raises(VaultError):
        vault.open(vault.close("aes-256-gcm", PRIVATE, **ROW), **row)


def test_fernet_cannot_tell_one_row_from_another() -> None:
    """Which is why it is not the default."""
    vault = Vault(MASTER)
    record = vault.close("fernet", PRIVATE, **ROW)
    assert vault.open(record, key_id="worker-1", component="worker") == PRIVATE


@pytest.mark.parametrize("suite", ["aes-256-gcm", "fernet"])
@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None), slice(0, 0), slice(0, 12)])
def test_a_damaged_ciphertext_does_not_open(suite: str, cut: slice) -> None:
    vault = Vault(MASTER)
    record = vault.close(suite, PRIVATE, **ROW)
    damaged = Record(suite, record.wrapped_key, record.ciphertext[cut])
    with pytest.raises(VaultError):
        vault.open(damaged, **ROW)


def test_wrapped_keys_of_two_records_cannot_be_exchanged() -> None:
    vault = Vault(MASTER)
    one = vault.close("aes-256-gcm", PRIVATE, **ROW)
    other = vault.close("aes-256-gcm", PRIVATE, key_id="htm-2", component="htm")
    with pytest.raises(VaultError):
        vault.open(Record(one.suite, other.wrapped_key, one.ciphertext), **ROW)


def test_a_short_master_key_is_refused() -> None:
    with pytest.raises(VaultError, match="fewer than 16"):
        Vault("x" * 15)
