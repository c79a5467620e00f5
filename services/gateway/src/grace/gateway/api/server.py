"""Runs the HTTP server beside the service: the admin is seated, then the port is opened."""

import asyncio
import socket
import stat
from datetime import timedelta
from pathlib import Path

import uvicorn

from grace.gateway.api.application import application
from grace.gateway.api.protocol import protocol_of
from grace.gateway.api.provider_keys import ProviderKeys
from grace.gateway.api.sign_on import refuse_unfit_provider
from grace.gateway.domain.access import ADMIN, ADMIN_KEY, Scope, hash_of, is_token
from grace.gateway.settings import Settings
from grace.gateway.store import Store
from grace.kit import Runtime, SettingsError

_CONFIG_EXIT = 78  # sysexits.h EX_CONFIG
_CURSORS = "cursor"
_BACKLOG = 2048


def refuse_unfit(settings: Settings) -> None:
    """SettingsError where the admin key or the identity provider cannot be trusted, or the port cannot be had."""
    if settings.admin_key_file is not None:
        read_token(settings.admin_key_file)
    refuse_unfit_provider(settings)
    listen(settings.host, settings.port, stall=settings.event_stall).close()


async def serve(settings: Settings, keys: ProviderKeys, runtime: Runtime) -> None:
    """Answer HTTP until the service stops. SystemExit where the settings do not allow it any more."""
    try:
        await _seat_admin(settings, runtime)
        listener = listen(settings.host, settings.port, stall=settings.event_stall)
    except SettingsError as error:
        runtime.log.critical("gateway.cannot_start", reason=str(error))
        raise SystemExit(_CONFIG_EXIT) from error
    with listener:
        await _serve(settings, keys, runtime, listener)


class HttpServer(uvicorn.Server):
    """A uvicorn that ends with the service and leaves the process's signals alone."""

    async def run_beside(self, runtime: Runtime, listener: socket.socket) -> None:
        """Answer until the service stops; what is in hand may end."""
        serving = asyncio.ensure_future(self._serve([listener]))
        stopping = asyncio.ensure_future(runtime.stopping.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self.should_exit = True
            await serving
        finally:
            stopping.cancel()
            serving.cancel()
            for server in getattr(self, "servers", []):
                server.close()


async def _serve(
    settings: Settings, keys: ProviderKeys, runtime: Runtime, listener: socket.socket
) -> None:
    async with runtime.reading() as tx:
        cursor_key = await Store(tx).find_sealing_key(_CURSORS)
    config = uvicorn.Config(
        application(runtime, settings, keys, cursor_key),
        http=protocol_of(settings),
        ws="none",  # the door guards requests; nothing may come in beside it
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(settings.drain_timeout.total_seconds()),
    )
    runtime.log.info("gateway.listening", host=settings.host, port=settings.port)
    await HttpServer(config).run_beside(runtime, listener)


async def _seat_admin(settings: Settings, runtime: Runtime) -> None:
    """The token in the operator's file is the admin's; a new file replaces the old token."""
    if settings.admin_key_file is None:
        return
    token = read_token(settings.admin_key_file)
    async with runtime.unit() as unit:
        await Store(unit.tx).seat_admin(
            ADMIN_KEY,
            hash_of(token),
            principal=ADMIN,
            name="admin_key_file",
            scopes=[scope.value for scope in Scope],
            rate_limit=settings.admin_rate_limit,
        )


def read_token(file: Path) -> str:
    """Return the token in a file that only its owner can read. SettingsError says what is wrong."""
    try:
        mode = file.stat().st_mode
        token = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read the admin key file {file}: {error}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise SettingsError(f"others can read the admin key file {file}: chmod 600 it")
    if not is_token(token):
        raise SettingsError(
            f"the admin key file {file} holds no token (grace_ and 256 random bits)"
        )
    return token


def listen(host: str, port: int, *, stall: timedelta) -> socket.socket:
    """The socket that answers leave from as they are written. SettingsError when it cannot be had.

    A connection whose other end takes nothing for as long as `stall` is dropped.
    """
    try:
        listener = socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        hint = "another program listens there, or set GRACE_GATEWAY_PORT"
        raise SettingsError(f"cannot listen on {host} port {port}: {error}; {hint}") from None
    # A head and its body are two packets, and the second would wait until the first is acknowledged,
    # for 40 ms. uvloop sees to that; asyncio's own loop only on sockets that name their protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Nothing else ends an answer that nobody reads: to close waits until all of it is taken.
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        milliseconds = stall // timedelta(milliseconds=1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return listener
