"""command.run: listed commands word for word; nothing of the worker reaches them."""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from grace.testkit import eventually
from grace.worker.domain.failure import BlockedError, InvalidError, NotNowError, UnusableError
from grace.worker.domain.targets import CommandTarget, FilesystemTarget, InvalidTargetsError, parse
from grace.worker.kernels.command import run
from grace.worker.kernels.command.run import Run, RunParams, summary
from grace.worker.kernels.operation import Context, Role
from grace.worker.kernels.registry import Registry, parse_params

SHELL = "/bin/sh"


def ctx(*allow: tuple[str, ...], role: Role = Role.OBSERVE) -> Context:
    return Context(CommandTarget("checks", "demo", allow), role)


async def said(*argv: str) -> dict[str, object]:
    return dict(await Run().observe(ctx(argv), RunParams(argv=argv)))


async def test_a_listed_command_is_measured_by_what_it_says_and_how_it_ends() -> None:
    found = await said("/bin/echo", " 42 ")
    assert (found["exit_code"], found["ok"], found["value"], found["lines"]) == (0, 1, 42.0, 1)
    assert isinstance(found["seconds"], float)
    failed = await said("/bin/false")
    assert (failed["exit_code"], failed["ok"], failed["value"]) == (1, 0, None)
    assert failed["seconds"] is None
    assert (await said("/bin/echo", "nan"))["value"] is None


@pytest.mark.parametrize(("code", "said"), [(1, ""), (2, "0\n"), (127, ""), (-9, "0\n")])
def test_what_failed_says_no_number_not_even_how_little(code: int, said: str) -> None:
    found = summary(code, said)
    assert (found["exit_code"], found["ok"]) == (code, 0)
    assert (found["lines"], found["value"]) == (None, None)


@pytest.mark.parametrize(
    "argv",
    [("/bin/echo",), ("/bin/echo", "a", "b"), ("/bin/echo", "a;id"), ("echo", "a"), (SHELL, "-c")],
)
async def test_no_other_word_is_run(argv: tuple[str, ...]) -> None:
    with pytest.raises(BlockedError, match="is not listed for checks"):
        await Run().observe(ctx(("/bin/echo", "a")), RunParams(argv=argv))


async def test_nothing_is_read_as_a_shell_would() -> None:
    found = await said("/bin/echo", "$HOME `id` * ; exit 3")
    assert found["says"] == "$HOME `id` * ; exit 3\n"


async def test_nothing_of_the_worker_reaches_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRACE_WORKER_SECRET", "hidden")
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)  # noqa: FBT003 - the standard library takes it so
    try:
        env = await said("/usr/bin/env")
        files = await said("/bin/ls", "/proc/self/fd")
    finally:
        os.close(reader)
        os.close(writer)
    assert "GRACE" not in str(env["says"])
    assert str(reader) not in str(files["says"]).split()


async def test_a_command_that_does_not_end_is_killed_with_its_children(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "LONGEST", timedelta(seconds=1))  # the child has to be there
    mark = tmp_path / "pid"
    script = f"/bin/sleep 60 & echo $! > {mark}; wait"
    with pytest.raises(NotNowError, match="did not end within"):
        await said(SHELL, "-c", script)
    child = int(mark.read_text())

    def is_gone() -> bool:
        try:
            return Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"
        except OSError:
            return True

    await eventually(is_gone)


async def test_a_cancelled_step_leaves_no_command_behind(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    step = asyncio.create_task(said(SHELL, "-c", f"echo $$ > {mark}; exec /bin/sleep 60"))
    await eventually(lambda: mark.exists() and mark.read_text().strip())
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    assert not Path(f"/proc/{mark.read_text().strip()}").exists()


async def test_what_says_too_much_or_cannot_be_run_was_not_measured(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="more than 65536 bytes"):
        await said(sys.executable, "-c", "print('x' * 100_000)")
    with pytest.raises(UnusableError, match="cannot be run"):
        await said("/nowhere/check")
    open_to_all = tmp_path / "check"
    open_to_all.write_text("#!/bin/sh\n")
    open_to_all.chmod(0o777)
    with pytest.raises(UnusableError, match="writable by everybody"):
        await said(str(open_to_all))


async def test_it_only_observes_and_only_on_its_own_kind_of_target() -> None:
    argv = ("/bin/true",)
    with pytest.raises(InvalidError, match="only to observe"):
        await Run().observe(ctx(argv, role=Role.ACT), RunParams(argv=argv))
    files = Context(FilesystemTarget("files", "demo", Path("/srv")), Role.OBSERVE)  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match="not a command target"):
        await Run().observe(files, RunParams(argv=argv))
    entry = Registry(["command"]).find("command.run")
    assert entry is not None
    assert entry.operation.apply is None


def test_the_parameters_of_a_plan_are_read_and_nothing_else_is() -> None:
    params = parse_params(Run(), '{"argv":["/usr/bin/pg_isready","-h","db"]}')
    assert params == RunParams(argv=("/usr/bin/pg_isready", "-h", "db"))
    for text in ('{"argv":"ls -l"}', '{"argv":[]}', '{"argv":[""]}', '{"argv":["a"],"shell":true}'):
        with pytest.raises(InvalidError):
            parse_params(Run(), text)


@pytest.mark.parametrize(
    "allow", ["", "allow = []", 'allow = ["/bin/ls"]', 'allow = [["ls"]]', "allow = [[]]",
              'allow = [["/bin/ls", 3]]', 'allow = [["/bin/ls"]]\nshell = true'],
)  # fmt: skip
def test_a_target_without_lists_of_words_is_refused(allow: str) -> None:
    with pytest.raises(InvalidTargetsError):
        parse(f'[targets.checks]\nkind = "command"\nenvironment = "demo"\n{allow}\n')


def disclosing(**secrets: str) -> Context:
    """A context in which these secrets are consented to."""
    target = CommandTarget("checks", "demo", (("/usr/bin/env",),), frozenset({"TOKEN"}))
    return Context(target, Role.OBSERVE, secret=lambda wanted: secrets[wanted.secret])


def asking(variable: str, secret: str = "shop-api") -> RunParams:
    return RunParams.model_validate(
        {"argv": ["/usr/bin/env"], "environment": {variable: {"secret": secret}}}
    )


async def test_a_secret_reaches_a_command_by_its_environment_alone() -> None:
    found = await Run().observe(disclosing(**{"shop-api": "canary-7f3a91"}), asking("TOKEN"))
    assert "TOKEN=canary-7f3a91" in str(found["says"]).splitlines()


async def test_no_other_variable_holds_a_secret() -> None:
    for look in (Run().observe, Run().plan):
        with pytest.raises(BlockedError, match="OTHER is not among the variables of checks"):
            await look(disclosing(), asking("OTHER"))


async def test_a_secret_that_no_variable_can_hold_is_refused() -> None:
    with pytest.raises(UnusableError, match="has a NUL in it"):
        await Run().observe(disclosing(**{"shop-api": "canary\0"}), asking("TOKEN"))


def test_a_value_is_no_parameter() -> None:
    text = '{"argv": ["/bin/true"], "environment": {"TOKEN": "canary-7f3a91"}}'
    with pytest.raises(InvalidError, match=r"^environment.TOKEN: is a secret: give ") as refusal:
        parse_params(Run(), text)
    assert "canary" not in str(refusal.value)


@pytest.mark.parametrize("names", ['["LD_PRELOAD"]', '["PATH"]', '["PYTHONPATH"]', '["a"]', '"A"'])
def test_a_variable_that_changes_what_is_run_is_not_listed(names: str) -> None:
    text = f"""
[targets.checks]
kind = "command"
environment = "demo"
allow = [["/bin/true"]]
variables = {names}
"""
    with pytest.raises(InvalidTargetsError, match="variables must list names"):
        parse(text)
