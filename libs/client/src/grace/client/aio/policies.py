"""Policies: the documents that decide on plans, and what they made of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from grace.client.aio.connection import Connection
from grace.client.ask import delete, part, put, question, read
from grace.client.models import Page, Simulation
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

    async def policies(self) -> PolicyDocuments:
        """Every document in force, and the schema of what policies speak of."""
        return await self._get(_POLICIES, PolicyDocuments)

    async def policy(self, name: str) -> PolicyDocument:
        """One document in force."""
        return await self._get(f"{_POLICIES}/{part(name)}", PolicyDocument)

    async def policy_versions(self, name: str) -> tuple[PolicyDocument, ...]:
        """Every version of a document, newest first."""
        return (await self._page(f"{_POLICIES}/{part(name)}/versions", PolicyDocument)).items

    async def add_policy(
        self, name: str, text: str, *, reason: str, kind: str = "policy"
    ) -> PolicyDocument:
        """Put a new document into force. Conflict where there is one of this name."""
        body = {"name": name, "text": text, "kind": kind, "reason": reason}
        return await self._post(_POLICIES, PolicyDocument, body)

    async def change_policy(
        self, name: str, text: str, *, reason: str, version: int, kind: str = "policy"
    ) -> PolicyDocument:
        """Put another text into force. Stale where the document is no longer of that version."""
        body = {"text": text, "kind": kind, "reason": reason}
        ask = put(f"{_POLICIES}/{part(name)}", body, headers={"If-Match": f'"{version}"'})
        return read(await self._send(ask), PolicyDocument)

    async def drop_policy(self, name: str, *, reason: str, version: int) -> PolicyDocument:
        """Let a document hold no longer. Stale where it is no longer of that version."""
        headers = {"If-Match": f'"{version}"'}
        ask = delete(f"{_POLICIES}/{part(name)}", {"reason": reason}, headers=headers)
        return read(await self._send(ask), PolicyDocument)

    async def try_policies(
        self, cases: Sequence[Mapping[str, Any]], *, candidate: Mapping[str, Any] | None = None
    ) -> TriedPolicies:
        """What policies would make of cases; without a candidate those in force now."""
        body = {"cases": list(cases), "candidate": candidate}
        return read(await self._send(question(f"{_POLICIES}/test", body)), TriedPolicies)

    async def simulate_policies(
        self, *, days: float = 30, candidate: Mapping[str, Any] | None = None
    ) -> Simulation:
        """What policies would have made of the plans of the last days."""
        body = {"days": float(days), "candidate": candidate}
        return read(await self._send(question(f"{_POLICIES}/simulate", body)), Simulation)

    async def replay_rulings(
        self, mission_id: str, *, candidate: Mapping[str, Any] | None = None
    ) -> ReplayedRulings:
        """What policies would have made of the plans of a mission, beside what was made of them."""
        body = {"mission_id": mission_id, "candidate": candidate}
        return read(await self._send(question(f"{_POLICIES}/replay", body)), ReplayedRulings)

    async def decisions(
        self, *, outcome: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Ruling]:
        """A page of what the policies made of plans, newest first."""
        return await self._page(_DECISIONS, Ruling, outcome=outcome, limit=limit, cursor=cursor)

    async def decision(self, approval_id: str) -> Ruling:
        """Why a plan was granted, asked for or refused, and all that was known of it."""
        return await self._get(f"{_DECISIONS}/{part(approval_id)}", Ruling)
