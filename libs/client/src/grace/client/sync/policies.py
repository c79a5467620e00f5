# Made from grace.client.aio by grace.client.twins: do not edit.
"""Policies: the documents that decide on plans, and what they made of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from grace.client.ask import delete, part, put, question, read
from grace.client.models import Page, Simulation
from grace.client.sync.connection import Connection
from grace.contracts.governance import (
    PolicyDocument,
    PolicyDocuments,
    ReplayedRulings,
    Ruling,
    TriedPolicies,
)

_POLICIES = "/api/governance/policies"
_DECISIONS = "/api/governance/decisions"


class Policies(Connection):
    """The methods that read, try and change what decides on plans."""

    def policies(self) -> PolicyDocuments:
        """Every document in force, and the schema of what policies speak of."""
        return self._get(_POLICIES, PolicyDocuments)

    def policy(self, name: str) -> PolicyDocument:
        """One document in force."""
        return self._get(f"{_POLICIES}/{part(name)}", PolicyDocument)

    def policy_versions(self, name: str) -> tuple[PolicyDocument, ...]:
        """Every version of a document, newest first."""
        return (self._page(f"{_POLICIES}/{part(name)}/versions", PolicyDocument)).items

    def add_policy(
        self, name: str, text: str, *, reason: str, kind: str = "policy"
    ) -> PolicyDocument:
        """Put a new document into force. Conflict where there is one of this name."""
        body = {"name": name, "text": text, "kind": kind, "reason": reason}
        return self._post(_POLICIES, PolicyDocument, body)

    def change_policy(
        self, name: str, text: str, *, reason: str, version: int, kind: str = "policy"
    ) -> PolicyDocument:
        """Put another text into force. Stale where the document is no longer of that version."""
        body = {"text": text, "kind": kind, "reason": reason}
        ask = put(f"{_POLICIES}/{part(name)}", body, headers={"If-Match": f'"{version}"'})
        return read(self._send(ask), PolicyDocument)

    def drop_policy(self, name: str, *, reason: str, version: int) -> PolicyDocument:
        """Let a document hold no longer. Stale where it is no longer of that version."""
        headers = {"If-Match": f'"{version}"'}
        ask = delete(f"{_POLICIES}/{part(name)}", {"reason": reason}, headers=headers)
        return read(self._send(ask), PolicyDocument)

    def try_policies(
        self, cases: Sequence[Mapping[str, Any]], *, candidate: Mapping[str, Any] | None = None
    ) -> TriedPolicies:
        """What policies would make of cases; without a candidate those in force now."""
        body = {"cases": list(cases), "candidate": candidate}
        return read(self._send(question(f"{_POLICIES}/test", body)), TriedPolicies)

    def simulate_policies(
        self, *, days: float = 30, candidate: Mapping[str, Any] | None = None
    ) -> Simulation:
        """What policies would have made of the plans of the last days."""
        body = {"days": float(days), "candidate": candidate}
        return read(self._send(question(f"{_POLICIES}/simulate", body)), Simulation)

    def replay_rulings(
        self, mission_id: str, *, candidate: Mapping[str, Any] | None = None
    ) -> ReplayedRulings:
        """What policies would have made of the plans of a mission, beside what was made of them."""
        body = {"mission_id": mission_id, "candidate": candidate}
        return read(self._send(question(f"{_POLICIES}/replay", body)), ReplayedRulings)

    def decisions(
        self, *, outcome: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Ruling]:
        """A page of what the policies made of plans, newest first."""
        return self._page(_DECISIONS, Ruling, outcome=outcome, limit=limit, cursor=cursor)

    def decision(self, approval_id: str) -> Ruling:
        """Why a plan was granted, asked for or refused, and all that was known of it."""
        return self._get(f"{_DECISIONS}/{part(approval_id)}", Ruling)
