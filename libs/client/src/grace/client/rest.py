"""The REST client: one method for each thing that the gateway answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import ValidationError

from grace.client.errors import Misconfigured, ServerFailed, Unreachable, error_of
from grace.client.models import ApiKey, Envelope, Health, NewApiKey, Page
from grace.contracts.governance import Approval
from grace.contracts.htm import Task
from grace.contracts.identity import Checkpoint, Entry, Proof
from grace.contracts.learning import Summary
from grace.contracts.verification import Baseline, Mission, TimelineEntry

T = TypeVar("T")

_BASELINES = "/api/verification/benchmarks/baseline"


class Grace:
    """A connection to one gateway. Raises GraceClientError and nothing else."""

    def __init__(self, url: str, token: str = "", *, timeout: float = 30.0) -> None:
        if not (token.isascii() and token.isprintable()):
            raise Misconfigured("the API key is no token: it must be one line of ASCII")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        _check_url(url)
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def health(self) -> Health:
        """Which services answer."""
        return (await self._get("/api/health", Health)).data

    async def missions(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Mission]:
        """A page of missions, newest first."""
        return await self._page("/api/missions", Mission, status=status, limit=limit, cursor=cursor)

    async def mission(self, mission_id: str) -> Mission:
        """One mission with its contracts."""
        return (await self._get(f"/api/missions/{_part(mission_id)}", Mission)).data

    async def timeline(self, mission_id: str) -> tuple[TimelineEntry, ...]:
        """Every step of a mission in order."""
        page = await self._page(f"/api/missions/{_part(mission_id)}/timeline", TimelineEntry)
        return page.items

    async def approvals(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Approval]:
        """A page of approvals, newest first, without their contracts."""
        return await self._page(
            "/api/approvals", Approval, status=status, limit=limit, cursor=cursor
        )

    async def approval(self, approval_id: str) -> Approval:
        """One approval with the exact text of its contracts."""
        return (await self._get(f"/api/approvals/{_part(approval_id)}", Approval)).data

    async def approve(
        self,
        approval_id: str,
        shown_hash: str,
        *,
        reason: str | None = None,
        if_version: int | None = None,
    ) -> Approval:
        """Approve the plan that `shown_hash` stands for."""
        return await self._decide(approval_id, "approve", shown_hash, reason, if_version)

    async def reject(
        self,
        approval_id: str,
        shown_hash: str,
        *,
        reason: str | None = None,
        if_version: int | None = None,
    ) -> Approval:
        """Reject the plan that `shown_hash` stands for, for good."""
        return await self._decide(approval_id, "reject", shown_hash, reason, if_version)

    async def take_baseline(
        self,
        target: str,
        operation: str,
        params: Mapping[str, Any] | None = None,
        *,
        timeout_ms: int = 30_000,
    ) -> Baseline:
        """Start to measure a healthy target; `wait_for_baseline` waits for the result."""
        body = {"target": target, "operation": operation, "params": dict(params or {})}
        return (await self._post(_BASELINES, Baseline, body | {"timeout_ms": timeout_ms})).data

    async def baseline(self, baseline_id: str) -> Baseline:
        """One baseline."""
        return (await self._get(f"{_BASELINES}/{_part(baseline_id)}", Baseline)).data

    async def checkpoint(self) -> Checkpoint:
        """The newest signed head of the log."""
        return (await self._get("/api/log/checkpoint", Checkpoint)).data

    async def proof(
        self, *, index: int | None = None, message_id: str | None = None, size: int | None = None
    ) -> Proof:
        """A proof that an entry, by index or by message, is in the log."""
        return (
            await self._get("/api/log/proof", Proof, index=index, message_id=message_id, size=size)
        ).data

    async def entries(self, *, start: int = 0, limit: int = 100) -> tuple[Entry, ...]:
        """Log entries from an index on."""
        return (await self._page("/api/log/entries", Entry, start=start, limit=limit)).items

    async def learning_summary(self) -> Summary:
        """The record of every playbook."""
        return (await self._get("/api/learning/summary", Summary)).data

    async def task(self, task_id: str) -> Task:
        """One task with its attempts."""
        return (await self._get(f"/api/htm/tasks/{_part(task_id)}", Task)).data

    async def keys(self, *, limit: int = 50, cursor: str | None = None) -> Page[ApiKey]:
        """A page of API keys, newest first."""
        return await self._page("/api/keys", ApiKey, limit=limit, cursor=cursor)

    async def make_key(
        self,
        principal: str,
        scopes: Sequence[str],
        *,
        name: str = "",
        expires_at: datetime | None = None,
    ) -> NewApiKey:
        """Make an API key. Its token is in this answer and never again."""
        body: dict[str, Any] = {"principal": principal, "scopes": list(scopes), "name": name}
        if expires_at is not None:
            body["expires_at"] = expires_at.isoformat()
        return (await self._post("/api/keys", NewApiKey, body)).data

    async def revoke_key(self, key_id: str) -> None:
        """Close an API key for good."""
        await self._send("DELETE", f"/api/keys/{_part(key_id)}")

    async def _decide(
        self,
        approval_id: str,
        word: str,
        shown_hash: str,
        reason: str | None,
        if_version: int | None,
    ) -> Approval:
        body = {"shown_hash": shown_hash} | ({"reason": reason} if reason else {})
        headers = {} if if_version is None else {"If-Match": f'"{if_version}"'}
        path = f"/api/approvals/{_part(approval_id)}/{word}"
        return (await self._post(path, Approval, body, headers)).data

    async def _get(self, path: str, model: type[T], **query: str | int | None) -> Envelope[T]:
        return _read(await self._send("GET", path, params=_given(query)), model)

    async def _page(self, path: str, model: type[T], **query: str | int | None) -> Page[T]:
        response = await self._send("GET", path, params=_given(query))
        found = _read(response, tuple[model, ...])  # type: ignore[valid-type]
        return Page(found.data, found.meta.next_cursor)

    async def _post(
        self,
        path: str,
        model: type[T],
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> Envelope[T]:
        return _read(await self._send("POST", path, json=body, headers=headers), model)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        try:
            response = await self._http.request(
                method, path, params=params, json=json, headers=headers
            )
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"no answer from {self._http.base_url}: {reason}") from error
        if response.is_success:
            return response
        raise error_of(response)


def _read(response: httpx.Response, model: type[T]) -> Envelope[T]:
    try:
        return Envelope[model].model_validate_json(response.content)  # type: ignore[valid-type]
    except ValidationError as error:
        raise ServerFailed(
            f"the answer is not what was asked for: {error.error_count()} fields do not fit",
            status=response.status_code,
        ) from None


def _given(query: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in query.items() if value is not None}


def _check_url(url: str) -> None:
    """Refuse what httpx would only stumble over later, and not always as an HTTPError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        usable = usable and url.isprintable()
    except ValueError:
        usable = False
    if not usable:
        raise Misconfigured(f"{url!r} is no URL of a gateway")


def _part(identity: str) -> str:
    """An id is one part of a path, whatever it holds."""
    return quote(identity, safe="")
