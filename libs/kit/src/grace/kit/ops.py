"""Health and metrics of a process over HTTP: /health/live, /health/ready, /metrics."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from grace.kit.life import Running
from grace.kit.settings import SettingsError

_CLOSE_SECONDS = 1


async def readiness(services: Sequence[Running]) -> dict[str, list[str]]:
    """For each service what is wrong with it; empty lists when all is well."""
    found = await asyncio.gather(*(_problems(each) for each in services))
    return {each.service.name: problems for each, problems in zip(services, found, strict=True)}


async def _problems(running: Running) -> list[str]:
    if running.service.migrations is None:
        return running.problems()
    database = await running.runtime.database_problem()
    return [*running.problems(), *([database] if database else [])]


def _complaints(running: Running) -> list[str]:
    return list(chain(*running.runtime.complaints.values()))


def ops_app(services: Sequence[Running]) -> Starlette:
    """The app that answers the probes of these services."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> Response:
        found = await readiness(services)
        well = not any(found.values())
        complaints = {each.service.name: _complaints(each) for each in services}
        body = {
            "status": "ready" if well else "degraded",
            "services": found,
            "complaints": complaints,
        }
        return JSONResponse(body, status_code=200 if well else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/metrics", metrics),
        ]
    )


class HttpServer(uvicorn.Server):
    """A uvicorn that leaves the process's signals alone."""

    def install_signal_handlers(self) -> None:
        """The process handles its signals itself."""


def listen_ops(host: str, port: int) -> socket.socket:
    """The socket of the probes; port 0 takes a free one. SettingsError when the port is taken."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"health cannot listen on {host} port {port}: {reason}") from None


@asynccontextmanager
async def serving_ops(services: Sequence[Running], listener: socket.socket) -> AsyncIterator[None]:
    """Answer probes for the length of the block."""
    server = HttpServer(
        uvicorn.Config(
            ops_app(services),
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=_CLOSE_SECONDS,
        )
    )
    # serve() would capture the process's signals.
    serving = asyncio.ensure_future(server._serve([listener]))  # noqa: SLF001
    try:
        yield
    finally:
        server.should_exit = True
        await serving


async def serve_ops(services: Sequence[Running], host: str, port: int) -> None:
    """Answer probes until cancelled."""
    with listen_ops(host, port) as listener:
        async with serving_ops(services, listener):
            await asyncio.Event().wait()
