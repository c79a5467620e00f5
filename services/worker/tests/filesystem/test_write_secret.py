"""filesystem.write_secret exchanges a file for a secret, and can exchange it back."""

import os
from typing import Any

import pytest

from grace.worker.domain.failure import BlockedError, ChangedError, UnusableError
from grace.worker.kernels.filesystem import quarantine
from grace.worker.kernels.filesystem.holds_secret import HoldsSecret, SecretFileParams
from grace.worker.kernels.filesystem.write_secret import WriteSecret

Tree = Any
WRITE, HOLDS = WriteSecret(), HoldsSecret()


def at(path: str = "app/token") -> SecretFileParams:
    return SecretFileParams.model_validate({"path": path, "content": {"secret": "shop-api"}})


@pytest.fixture
def token(tree: Tree) -> Any:
    file = tree.root / "app/token"
    file.write_text("the old one\n")
    file.chmod(0o440)
    os.chown(file, 65534, 65534) if os.geteuid() == 0 else None
    return file


def given(tree: Tree, value: str = "the new one", **more: object) -> Any:
    return tree.ctx(secret=lambda _: value, **more)


async def test_a_secret_is_written_for_the_files_owner_and_the_old_file_comes_back(
    tree: Tree, token: Any, way: str
) -> None:
    old = token.stat()
    before = await WRITE.observe(given(tree), at())
    assert (before["matches"], before["inode"]) == (0, old.st_ino)
    await WRITE.apply(given(tree, before=before), at())
    new = token.stat()
    assert token.read_text() == "the new one"
    assert (new.st_mode, new.st_uid, new.st_gid) == (old.st_mode, old.st_uid, old.st_gid)
    after = await WRITE.observe(given(tree), at())
    assert (await HOLDS.observe(given(tree), at())) == after
    assert after["matches"] == 1
    # The secret was changed since: what was left is still what is undone.
    await WRITE.revert(given(tree, "a third one"), at(), before, after)
    assert (token.read_text(), token.stat().st_ino) == ("the old one\n", old.st_ino)
    await WRITE.revert(given(tree, resumed=True), at(), before, after)
    assert token.read_text() == "the old one\n"


async def test_an_attempt_that_died_is_gone_on_with_and_what_it_began_is_written_anew(
    tree: Tree, token: Any
) -> None:
    before = await WRITE.observe(given(tree), at())
    store = tree.root / quarantine.FOLDER / "action-1"
    store.mkdir(parents=True)
    for folder in (store.parent, store):
        folder.chmod(0o700)
    (store / "secret").write_text("a half, and longer than what is to be written")
    await WRITE.apply(given(tree, before=before, resumed=True), at())
    assert token.read_text() == "the new one"
    await WRITE.apply(given(tree, "a third one", before=before, resumed=True), at())
    assert token.read_text() == "the new one", "done once"


async def test_a_file_that_somebody_else_wrote_is_not_overwritten(tree: Tree, token: Any) -> None:
    before = await WRITE.observe(given(tree), at())
    other = token.with_name("other")
    other.write_text("somebody else's")
    other.replace(token)
    with pytest.raises(ChangedError):
        await WRITE.apply(given(tree, before=before), at())
    assert token.read_text() == "somebody else's"


async def test_a_file_that_was_written_to_since_stops_the_revert(tree: Tree, token: Any) -> None:
    before = await WRITE.observe(given(tree), at())
    await WRITE.apply(given(tree, before=before), at())
    after = await WRITE.observe(given(tree), at())
    token.chmod(0o640)
    token.write_text("somebody else's")
    with pytest.raises(ChangedError, match="written to or replaced"):
        await WRITE.revert(given(tree), at(), before, after)
    assert token.read_text() == "somebody else's"


async def test_a_dry_run_opens_no_secret(tree: Tree, token: Any) -> None:
    (change,) = (await WRITE.plan(tree.ctx(), at())).changes
    assert (change.resource, change.after) == ("app/token", {"secret": "shop-api"})


async def test_what_is_no_secrets_file_is_refused(trapped: Tree, token: Any) -> None:
    (trapped.root / "large").write_bytes(b"x" * 70_000)
    outside = trapped.picture_outside()
    for path in ("large", "link-to-secret", "hard-link", "fifo", "log", "nowhere"):
        with pytest.raises((BlockedError, UnusableError)):
            await WRITE.observe(given(trapped), at(path))
    assert trapped.picture_outside() == outside


async def test_what_an_operator_wrote_since_is_left_also_by_a_second_attempt(
    tree: Tree, token: Any, way: str
) -> None:
    before = await WRITE.observe(given(tree), at())
    await WRITE.apply(given(tree, before=before), at())
    after = await WRITE.observe(given(tree), at())
    token.chmod(0o640)
    token.write_text("an operator's newer one")
    with pytest.raises(ChangedError):
        await WRITE.revert(given(tree, resumed=True), at(), before, after)
    assert token.read_text() == "an operator's newer one"
