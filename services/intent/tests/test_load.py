"""Playbook files become the playbooks in force, each version pinned to its text."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from grace.intent import loops
from grace.intent.loops.load import PlaybookRefused
from grace.intent.settings import Settings
from grace.testkit import House

NOT_A_PLAYBOOK = "playbok: x\n"


async def test_a_changed_text_under_an_old_version_is_refused_and_the_old_one_stays(
    house: House, own_playbooks: Path, mend_it: str
) -> None:
    file = own_playbooks / "mine.yaml"
    text = mend_it.replace("mend-it", "mine")
    file.write_text(text)
    async with house.running("intent", intent={"playbook_dir": own_playbooks}) as s:
        intent = s["intent"]
        assert isinstance(intent.settings, Settings)
        library = loops.LoadPlaybooks(intent.settings)
        assert not await library.tick(intent)
        file.write_text(text.replace("thing.mend", "thing.glue"))
        with pytest.raises(PlaybookRefused, match="mine version 1 is pinned to another text"):
            await library.tick(intent)
        assert intent.complaints["playbooks"]
        assert await _in_force(house, "mine") == text
        file.write_text(
            text.replace("thing.mend", "thing.glue").replace("version: 1", "version: 2")
        )
        assert not await library.tick(intent)
        assert not intent.complaints["playbooks"]
        assert "thing.glue" in await _in_force(house, "mine")


async def test_a_file_behind_the_version_in_force_is_told_as_one_that_does_nothing(
    house: House, own_playbooks: Path, mend_it: str
) -> None:
    text = mend_it.replace("mend-it", "mine")
    first, third = own_playbooks / "mine.yaml", own_playbooks / "mine-3.yaml"
    first.write_text(text)
    third.write_text(text.replace("version: 1", "version: 3"))
    async with house.running("intent", intent={"playbook_dir": own_playbooks}) as s:
        intent = s["intent"]
        assert isinstance(intent.settings, Settings)
        library = loops.LoadPlaybooks(intent.settings)
        assert not await library.tick(intent), "older files may lie beside the newest one"
        third.unlink()
        with pytest.raises(PlaybookRefused, match="version 1 is passed over.* version to 4"):
            await library.tick(intent)
        assert intent.complaints["playbooks"]
        first.unlink()
        assert not await library.tick(intent)
        assert not intent.complaints["playbooks"]


async def test_an_unsound_file_is_refused_by_name_and_the_sound_ones_count(
    house: House, own_playbooks: Path, mend_it: str
) -> None:
    (own_playbooks / "a.yaml").write_text(NOT_A_PLAYBOOK)
    (own_playbooks / "b.yaml").write_text(mend_it.replace("mend-it", "mine"))
    async with house.running("intent") as services:
        intent = services["intent"]
        settings = intent.settings.model_copy(update={"playbook_dir": own_playbooks})
        (own_playbooks / "0.yaml").write_text("version: !!bool maybe\n")
        library = loops.LoadPlaybooks(settings)
        with pytest.raises(
            PlaybookRefused,
            match="0.yaml: not YAML.*a.yaml: line 1: playbook: unknown playbok; did you mean",
        ):
            await library.tick(intent)
        assert library.loaded
        assert "a.yaml: line 1" in intent.complaints["playbooks"][1], "status and doctor say so"
        assert REGISTRY.get_sample_value("grace_intent_playbooks_refused") == 2
        assert await _in_force(house, "mine")
        settings = settings.model_copy(update={"playbook_dir": own_playbooks / "nowhere"})
        library = loops.LoadPlaybooks(settings)
        with pytest.raises(PlaybookRefused, match="nowhere is no folder: make it, or change"):
            await library.tick(intent)
        assert not await library.tick(intent), "the same complaint is told once"
        assert REGISTRY.get_sample_value("grace_intent_playbooks_refused") == 1


async def _in_force(house: House, name: str) -> str | None:
    rows = await house.rows(
        "intent", "SELECT source FROM playbooks WHERE name = $1 ORDER BY version DESC", name
    )
    return rows[0]["source"] if rows else None
