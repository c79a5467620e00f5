"""`grace policy`: the documents that decide on plans, tried before they are in force."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from grace.client.cli.documents import read_document, read_text
from grace.client.cli.output import show, show_page
from grace.client.cli.session import FAILED, fail, run
from grace.client.cli.verbs import verb
from grace.client.errors import NotFound
from grace.client.models import Simulation
from grace.client.sync import SyncGrace
from grace.contracts.governance import PolicyDocument, TriedCase

app = typer.Typer(help="Policies that decide on plans.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Why; kept for good.")]
KindOf = Annotated[str, typer.Option(help="policy, or constitution: forbids that nobody lifts.")]
Name = Annotated[str, typer.Option(help="In whose place it is tried; beside all others else.")]
Since = Annotated[str, typer.Option(help="How far back: 30d, 12h or 45m.")]
Text = Annotated[Path | None, typer.Argument(help="Cedar policies; none: those in force now.")]
_DAYS = {"d": 1.0, "h": 1 / 24, "m": 1 / 1440}
_FIXTURE = ("policies", "name", "kind", "cases")


@verb(app, "list")
def list_policies(context: typer.Context) -> None:
    """List the documents in force."""
    found = run(context, lambda grace: grace.policies())
    show_page(context, found.documents, "name", "version", "kind", "made_by", "made_at", "reason")


@verb(app, "show")
def show_policy(context: typer.Context, name: str) -> None:
    """Show one document in force."""
    show(context, run(context, lambda grace: grace.policy(name)))


@verb(app, "versions")
def versions(context: typer.Context, name: str) -> None:
    """List the versions of a document, newest first."""
    found = run(context, lambda grace: grace.policy_versions(name))
    show_page(context, found, "version", "in_force", "kind", "made_by", "made_at", "reason")


@verb(app, "schema")
def schema(context: typer.Context) -> None:
    """Print what policies may speak of, as a Cedar schema."""
    typer.echo(run(context, lambda grace: grace.policies()).vocabulary, nl=False)


@verb(app, "set")
def set_policy(
    context: typer.Context, name: str, file: Path, reason: Reason, kind: KindOf = "policy"
) -> None:
    """Put a text into force: as a new document, or in the place of the one of this name."""
    text = read_text(file)
    show(context, run(context, lambda grace: _set(grace, name, text, kind, reason)))


@verb(app, "drop")
def drop(context: typer.Context, name: str, reason: Reason) -> None:
    """Let a document hold no longer; its versions stay readable."""

    def ask(grace: SyncGrace) -> PolicyDocument:
        return grace.drop_policy(name, reason=reason, version=grace.policy(name).version)

    show(context, run(context, ask))


@verb(app, "test")
def test(context: typer.Context, file: Path) -> None:
    """Try policies on the cases of a file; ends with 1 where one does not end as expected."""
    fixture = read_document(file, fields=_FIXTURE)
    cases = _cases(file, fixture)
    candidate = _candidate_in(file, fixture)
    asked = [{"name": case["name"], "given": case.get("given", {})} for case in cases]
    tried = run(context, lambda grace: grace.try_policies(asked, candidate=candidate))
    _stop_at(tried.problems)
    show_page(context, tried.cases, "name", "outcome", "tier", "quorum", "because")
    wrong = [line for line in map(_difference, cases, tried.cases) if line]
    if wrong:
        fail("; ".join(wrong), FAILED)


@verb(app, "simulate")
def simulate(
    context: typer.Context, file: Text = None, since: Since = "30d", name: Name = "candidate"
) -> None:
    """Say what policies would have made of the plans of the last days; nothing is changed."""
    candidate = None if file is None else {"name": name, "text": read_text(file)}
    days = _days(since)
    found: Simulation = run(
        context, lambda grace: grace.simulate_policies(days=days, candidate=candidate)
    )
    _stop_at(found.problems)
    show(context, found)


@verb(app, "decisions")
def decisions(
    context: typer.Context,
    outcome: str | None = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    cursor: str | None = None,
) -> None:
    """List what the policies made of plans, newest first."""
    page = run(context, lambda grace: grace.decisions(outcome=outcome, limit=limit, cursor=cursor))
    show_page(context, page, "approval_id", "outcome", "tier", "ruled_at", "because")


@verb(app, "why")
def why(context: typer.Context, approval_id: str) -> None:
    """Show why a plan was granted, asked for or refused, and all that was known of it."""
    show(context, run(context, lambda grace: grace.decision(approval_id)))


def _set(grace: SyncGrace, name: str, text: str, kind: str, reason: str) -> PolicyDocument:
    try:
        version = grace.policy(name).version
    except NotFound:
        return grace.add_policy(name, text, kind=kind, reason=reason)
    return grace.change_policy(name, text, kind=kind, reason=reason, version=version)


def _days(since: str) -> float:
    found = re.fullmatch(r"([0-9]{1,4})([dhm])", since)
    if found is None or int(found[1]) == 0:
        raise typer.BadParameter("--since is a number with d, h or m, such as 30d")
    return int(found[1]) * _DAYS[found[2]]


def _candidate_in(file: Path, fixture: dict[str, Any]) -> dict[str, Any] | None:
    if "policies" not in fixture:
        return None
    text = str(fixture["policies"])
    # One line that is no policy names the file beside this one.
    if "\n" not in text and text.endswith(".cedar"):
        text = read_text(file.parent / text)
    return {"text": text} | {name: fixture[name] for name in _FIXTURE[1:3] if name in fixture}


def _cases(file: Path, fixture: dict[str, Any]) -> list[dict[str, Any]]:
    cases = fixture.get("cases")
    if not isinstance(cases, list) or not cases:
        raise typer.BadParameter(f"{file} must hold `cases`, each with name, given and expect")
    for place, case in enumerate(cases, 1):
        known = isinstance(case, dict) and case.keys() <= {
            "name", "given", "expect", "people", "rules",
        }  # fmt: skip
        if not known or not case.get("name") or not case.get("expect"):
            raise typer.BadParameter(
                f"{file}: case {place} has name and expect, and may have given, people and rules"
            )
    return cases


def _difference(case: dict[str, Any], tried: TriedCase) -> str | None:
    told = f"{case['name']}: expected"
    if tried.outcome != case["expect"]:
        return f"{told} {case['expect']}, it is {tried.outcome} ({'; '.join(tried.because)})"
    if "people" in case and case["people"] != tried.quorum:
        return f"{told} {case['people']} people, it is {tried.quorum}"
    missing = [rule for rule in case.get("rules", []) if rule not in tried.rules]
    return f"{told} {missing[0]} to decide, it was {', '.join(tried.rules)}" if missing else None


def _stop_at(problems: tuple[str, ...]) -> None:
    if problems:
        fail("; ".join(problems), FAILED)
