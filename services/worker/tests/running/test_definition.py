"""A name that leads elsewhere since a plan was approved: nothing is changed, undone or judged there."""

from datetime import timedelta

from grace.contracts.htm import TaskSpec
from grace.kit import new_id
from grace.worker.domain.capability import Act, Step
from grace.worker.domain.definition import definition_of
from grace.worker.domain.receipt import Claimant, hash_of
from grace.worker.domain.targets import parse
from grace.worker.store import Holder, Receipts

from .conftest import Floor, Opener

ROTATES = {
    "operation": "filesystem.rotate_log",
    "kernel": "filesystem",
    "target": "files",
    "params": '{"path": "app.log"}',
}
LOOKS = ROTATES | {"operation": "filesystem.usage", "params": '{"path": "."}'}


async def test_a_target_that_was_exchanged_is_left_alone(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        root = floor.folder / "other"
        for folder in (floor.root, root):
            folder.mkdir(exist_ok=True)
            (folder / "app.log").write_text("one\n")
        there = floor.targets.read_text()
        approved = definition_of(parse(there)["files"])
        applied = at.spec(**ROTATES)
        await at.result(bound(at, applied, approved))
        floor.targets.write_text(there.replace(str(floor.root), str(root)))

        late = await at.do(bound(at, at.spec(**ROTATES), approved))
        assert (late.error_message or "").startswith("blocked: files stands for something else")
        undone = await at.do(
            bound(at, at.spec("revert", action_id=applied.action_id, **ROTATES), approved)
        )
        assert (undone.error_message or "").startswith("files stands for something else")
        look = at.spec("observe", **LOOKS)
        measured = await at.do(look.model_copy(update={"target_definition": approved}))
        assert (measured.status, measured.error_class) == ("failed", "nonretryable")
        assert (root / "app.log").read_text() == "one\n"
        assert len(await at.receipts()) == 1

        floor.targets.write_text(there)
        again = at.spec("revert", action_id=applied.action_id, **ROTATES)
        await at.result(bound(at, again, approved))
        assert (floor.root / "app.log").read_text() == "one\n"


async def test_what_an_earlier_attempt_may_have_done_elsewhere_is_for_a_person(
    floor: Opener,
) -> None:
    async with floor() as at:
        await at.permit()
        spec = at.spec(**ROTATES)
        act = Act(
            tenant_id=spec.tenant_id,
            contract_id=spec.contract_id or "",
            action_id=spec.action_id or "",
            step=Step.APPLY,
            operation=spec.operation,
            target=spec.target,
            params=spec.params,
        )
        dead = Holder(Claimant("task-of-the-dead", 1), "worker-of-the-dead", timedelta())
        async with at.worker.unit() as unit:
            receipts = Receipts(unit.tx, at.worker.keys.safe)
            assert await receipts.open_receipt(
                act, hash_of(act), dead, identity=new_id(), before={"bytes": 4}
            )
        ended = await at.do(bound(at, spec, "0" * 64))
        assert (ended.status, ended.error_class) == ("needs_attention", "undecided")


def bound(at: Floor, spec: TaskSpec, definition: str) -> TaskSpec:
    """The task with a capability for a target as it was approved."""
    capability = at.capability(spec, target_definition=definition)
    return spec.model_copy(update={"capability": capability})
