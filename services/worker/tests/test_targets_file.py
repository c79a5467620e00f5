"""The targets file is read again when it changes, and fails closed."""

from pathlib import Path

import pytest

from grace.worker.domain.failure import BlockedError, NotNowError
from grace.worker.kernels.targets_file import TargetsFile

FILES = '[targets.files]\nkind = "filesystem"\nenvironment = "demo"\nroot = "/srv/app"\n'


def test_a_target_that_is_added_or_removed_counts_at_once(tmp_path: Path) -> None:
    path = tmp_path / "targets.toml"
    path.write_text("")
    targets = TargetsFile(path)
    with pytest.raises(BlockedError):
        targets.find("files")
    path.write_text(FILES)
    assert targets.find("files").id == "files"
    path.write_text(FILES.replace("targets.files", "targets.other"))
    assert set(targets.read()) == {"other"}


def test_a_file_that_cannot_be_used_registers_nothing_until_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "targets.toml"
    path.write_text(FILES)
    targets = TargetsFile(path)
    assert targets.read()
    for broken in (b"[targets", b"\xff\xfe"):
        path.write_bytes(broken)
        with pytest.raises(NotNowError):
            targets.find("files")
        with pytest.raises(NotNowError):
            targets.find("files")
    path.unlink()
    with pytest.raises(NotNowError):
        targets.read()
    path.write_text(FILES)
    assert targets.find("files").id == "files"


def test_a_file_that_everybody_may_write_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "targets.toml"
    path.write_text(FILES)
    path.chmod(0o666)
    with pytest.raises(NotNowError):
        TargetsFile(path).read()


def test_without_a_file_no_target_is_registered() -> None:
    with pytest.raises(BlockedError):
        TargetsFile(None).find("files")
