"""What the commands say to whoever started them."""

import pytest

from grace.kit import SettingsError
from grace.stack import commands


def test_a_part_that_its_settings_stop_says_so_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def work() -> int:
        raise SystemExit(78) from SettingsError("others can read the admin key file")

    with pytest.raises(SystemExit) as ended:
        commands._run(work())
    assert ended.value.code == 78
    assert capsys.readouterr().err == "grace: others can read the admin key file\n"
