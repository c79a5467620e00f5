"""Asks what Grace can use and runs without: is it there? Nothing of Grace waits for the answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

import httpx

from grace.kit import Runtime
from grace.observability.domain.health import ComponentHealth, Condition
from grace.observability.settings import Settings
from grace.observability.store import Components
from grace.resilience import (
    CircuitOpen,
    ErrorClass,
    Executor,
    ExecutorSettings,
    ResilienceError,
    RetryPolicy,
)

_OK = frozenset(range(200, 300))
# All tries and the pauses between them fit into one probe.
_RETRY = RetryPolicy(first=timedelta(milliseconds=100))


@dataclass(frozen=True, slots=True)
class Door:
    """Where a component says that it is well, and by which answers."""

    path: str
    well: frozenset[int] = _OK


DOORS: Mapping[str, Door] = MappingProxyType(
    {
        "prometheus": Door("/-/healthy"),
        "qdrant": Door("/healthz"),
        # 429, 472 and 473 are standbys that forward to the active one.
        "vault": Door("/v1/sys/health", _OK | {429, 472, 473}),
    }
)


class Probe:
    """Asks each configured component, with retries and behind a circuit breaker."""

    def __init__(self, settings: Settings, components: Components) -> None:
        """Show at once what is not configured; what is configured is unknown until it was asked."""
        urls = {
            "prometheus": settings.prometheus_url,
            "qdrant": settings.qdrant_url,
            "vault": settings.vault_url,
        }
        self._urls = {name: url.rstrip("/") for name, url in urls.items() if url}
        self._timeout = settings.probe_timeout
        careful = ExecutorSettings(timeout=settings.probe_timeout, observing=_RETRY)
        self._executors = {name: Executor(f"probe/{name}", careful) for name in self._urls}
        self._components = components
        components.show({name: self._unasked(name) for name in DOORS})

    async def tick(self, runtime: Runtime) -> bool:
        """Ask all of them at once."""
        if not self._urls:
            return False
        async with httpx.AsyncClient(
            timeout=self._timeout.total_seconds(), trust_env=False
        ) as http:
            answers = await asyncio.gather(*(self._ask(http, name) for name in self._urls))
        before = {each.name: each.condition for each in self._components.all()}
        for each in answers:
            if each.condition is not before[each.name]:
                runtime.log.info(
                    "component.changed", name=each.name, status=each.condition, detail=each.detail
                )
        found = {name: self._unasked(name) for name in DOORS}
        self._components.show(found | {each.name: each for each in answers})
        return False

    def _unasked(self, name: str) -> ComponentHealth:
        configured = name in self._urls
        return ComponentHealth(name, Condition.UNKNOWN if configured else Condition.NOT_CONFIGURED)

    async def _ask(self, http: httpx.AsyncClient, name: str) -> ComponentHealth:
        door = DOORS[name]

        async def ask() -> None:
            answer = await http.get(self._urls[name] + door.path)
            if answer.status_code not in door.well:
                raise httpx.HTTPStatusError(
                    f"answers {answer.status_code}", request=answer.request, response=answer
                )

        try:
            await self._executors[name].observe(ask, classify=_passing)
        except CircuitOpen:
            return ComponentHealth(name, Condition.UNREACHABLE, "failed often; asked again later")
        except (httpx.HTTPError, httpx.InvalidURL, ResilienceError) as error:
            detail = str(error) or type(error).__name__
            return ComponentHealth(name, Condition.UNREACHABLE, detail[:200])
        return ComponentHealth(name, Condition.HEALTHY)


def _passing(_: Exception) -> ErrorClass:
    """A component may come back at any time."""
    return ErrorClass.TRANSIENT
