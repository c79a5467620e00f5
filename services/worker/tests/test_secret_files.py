"""Which secrets a parameter may refer to is said by the targets file, and by nothing else."""

from pathlib import Path, PurePosixPath

import pytest

from grace.worker.domain.failure import UnconsentedError, UnknownSecretError, UnusableError
from grace.worker.domain.secret_files import secret_files
from grace.worker.domain.targets import InvalidTargetsError, parse
from grace.worker.kernels.references import SecretRef
from grace.worker.kernels.secrets import Door, Veil
from grace.worker.kernels.targets_file import TargetsFile

BASE = """
[targets.shop]
kind = "postgres"
environment = "demo"
host = "127.0.0.1"
port = 5432
database = "shop"
act = { user = "ops", password_file = "/run/ops", secret = "shop-ops" }
observe = { user = "eyes", password_file = "/run/eyes" }
"""
API = '[secrets.shop-api]\nfile = "/run/api"\n'
OTHER = BASE.replace("targets.shop", "targets.bank").replace("/run/ops", "/run/bank")


def files(text: str) -> dict[str, PurePosixPath]:
    return secret_files(text, parse(text).values())


def test_a_secret_is_named_by_itself_or_by_credentials_that_have_a_name() -> None:
    # What a target's entry holds without a name cannot be named by anybody's parameter.
    assert files(BASE + API) == {
        "shop-api": PurePosixPath("/run/api"),
        "shop-ops": PurePosixPath("/run/ops"),
    }


def test_a_name_that_means_two_files_means_none() -> None:
    assert files(BASE + OTHER) == {}
    with pytest.raises(InvalidTargetsError, match="credentials have that name"):
        files(BASE + '[secrets.shop-ops]\nfile = "/run/api"\n')


@pytest.mark.parametrize(
    "entry",
    [
        '[secrets.own]\nfile = "/a"', '[secrets."a b"]\nfile = "/a"', '[secrets.a]\nfile = "a"',
        "[secrets.a]\nfile = 7", "[secrets.a]", '[secrets.a]\nfile = "/a"\nvalue = "b"',
        'secrets = "a"', 'secrets.a = "b"',
    ],
)  # fmt: skip
def test_what_is_no_secret_is_refused(entry: str) -> None:
    with pytest.raises(InvalidTargetsError):
        files(entry)


def door(tmp_path: Path, value: str, veil: Veil) -> Door:
    file, targets = tmp_path / "api", tmp_path / "targets.toml"
    file.write_text(value)
    file.chmod(0o600)
    targets.write_text(f'[secrets.shop-api]\nfile = "{file}"\n')
    return Door(TargetsFile(targets), {"shop-api"}, veil)


def test_a_secret_is_read_when_it_is_used_and_hidden_from_then_on(tmp_path: Path) -> None:
    veil = Veil()
    disclose = door(tmp_path, "first-value\n", veil).opened(frozenset({"shop-api"}))
    assert veil.text("first-value") == "first-value"
    assert disclose(SecretRef(secret="shop-api")) == "first-value"
    (tmp_path / "api").write_text("second-value\n")
    assert disclose(SecretRef(secret="shop-api")) == "second-value"
    assert veil.text("first-value second-value") == "[secret shop-api] [secret shop-api]"


def test_what_was_not_consented_to_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(UnconsentedError, match="was not opened"):
        door(tmp_path, "some-value", Veil()).opened(frozenset())(SecretRef(secret="shop-api"))


def test_what_nobody_named_is_not_read(tmp_path: Path) -> None:
    disclose = door(tmp_path, "some-value", Veil()).opened(frozenset({"shop-api", "other"}))
    with pytest.raises(UnconsentedError, match="was not opened"):
        disclose(SecretRef(secret="other"))
    with pytest.raises(UnknownSecretError, match=r"^blocked: secret other is not in"):
        Door(TargetsFile(tmp_path / "targets.toml"), {"other"}, Veil()).check(untouched=True)


def test_a_secret_that_could_not_be_hidden_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="fewer than 8 characters"):
        door(tmp_path, "short\n", Veil()).opened(frozenset({"shop-api"}))(
            SecretRef(secret="shop-api")
        )


def test_a_secret_that_everybody_may_read_is_none(tmp_path: Path) -> None:
    found = door(tmp_path, "some-value", Veil())
    (tmp_path / "api").chmod(0o644)
    with pytest.raises(UnusableError, match="open to everybody"):
        found.opened(frozenset({"shop-api"}))(SecretRef(secret="shop-api"))
