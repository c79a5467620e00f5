"""Named moments of death: nothing without the variable, refused where no service has them."""

import multiprocessing
import signal

import pytest

from grace.kit import ServiceSettings, SettingsError
from grace.kit.crash import VARIABLE, crash_point_of
from grace.kit.service import Service

MOMENTS = ("apply.after_effect", "reported")


def _die(name: str) -> None:
    crash_point_of("worker", MOMENTS, "worker.reported")(name)


def _ends_with(name: str) -> int | None:
    process = multiprocessing.get_context("fork").Process(target=_die, args=(name,))
    process.start()
    process.join(10)
    return process.exitcode


def test_the_process_is_killed_at_its_moment_and_at_no_other() -> None:
    assert _ends_with("reported") == -signal.SIGKILL
    assert _ends_with("apply.after_effect") == 0


@pytest.mark.parametrize("at", ["", "htm.anything"])
def test_nobody_dies_without_the_variable_or_for_another_service(at: str) -> None:
    for moment in MOMENTS:
        crash_point_of("worker", MOMENTS, at)(moment)


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("worker.apply.after_efect", "apply.after_effect"),
        ("worker", "apply.after_effect, reported"),
        ("nobody.reported", "nobody is no service"),
        ("reported", "reported is no service"),
    ],
)
def test_a_moment_that_does_not_exist_is_refused(at: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        crash_point_of("worker", MOMENTS, at)


def test_a_service_without_moments_refuses_to_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "gateway.somewhere")
    with pytest.raises(SettingsError, match="it has none"):
        _ = Service("gateway", ServiceSettings()).crash_point
