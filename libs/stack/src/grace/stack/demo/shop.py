"""The shop: a program of its own, which connects for each purchase. It knows nothing of Grace.

Run as a file, with the purchases a second and the scale of the tables as its arguments; the login
is in PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE. It ends at SIGINT.
"""

import asyncio
import random
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg

_PURCHASE = Path(__file__).with_name("shop.sql")
_MOST = 4  # at once: at a standstill customers do not pile up and slow each other down
_CONNECT_SECONDS = 5.0
_STATEMENT_SECONDS = 10.0
_ACCOUNTS, _TELLERS = 100_000, 10  # of each branch, as pgbench makes them
_DICE = random.SystemRandom()


async def sell(rate: float, scale: int) -> None:
    """Begin purchases at a fixed rate until cancelled; those that would be too many are left out."""
    clock, begun = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    text, next_at = _PURCHASE.read_text(encoding="utf-8"), clock.time()
    try:
        while True:
            if len(begun) < _MOST:
                task = asyncio.create_task(purchase(text, scale))
                begun.add(task)
                task.add_done_callback(begun.discard)
            next_at = max(next_at + 1 / rate, clock.time() - 1)
            await asyncio.sleep(next_at - clock.time())
    finally:
        await _end(begun)


async def _end(begun: set["asyncio.Task[None]"]) -> None:
    """Cancelled and left alone, asyncpg's own clean-up would keep the event loop from ending."""
    tasks = tuple(begun)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def purchase(text: str, scale: int) -> None:
    """One customer: connect, buy, leave. What goes wrong is counted at the target, not here."""
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        connection = await asyncpg.connect(
            timeout=_CONNECT_SECONDS,
            command_timeout=_STATEMENT_SECONDS,
            server_settings={"application_name": "shop"},
        )
        try:
            await connection.execute(_filled(text, scale))
        finally:
            await connection.close(timeout=_CONNECT_SECONDS)


def _filled(text: str, scale: int) -> str:
    """Numbers of our own dice: nothing to quote."""
    return text.format(
        aid=_DICE.randint(1, _ACCOUNTS * scale),
        tid=_DICE.randint(1, _TELLERS * scale),
        bid=_DICE.randint(1, scale),
        delta=_DICE.randint(-5000, 5000),
    )


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(sell(float(sys.argv[1]), int(sys.argv[2])))
