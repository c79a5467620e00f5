"""postgres.set_database_setting: a setting of a database, compared and set, restored exactly."""

from datetime import timedelta
from typing import ClassVar, Literal

import asyncpg
from pydantic import Field, field_validator

from grace.kit import Transaction
from grace.worker.domain.failure import ChangedError, InvalidError, UnusableError
from grace.worker.domain.redaction import OPEN, Secrecy
from grace.worker.domain.state import State
from grace.worker.kernels.operation import Change, Context, Diff, Params, Result, Tier
from grace.worker.kernels.postgres.connection import QUERIES, connected, looking

_MILLISECOND = 1000  # in microseconds


class SetDatabaseSettingParams(Params):
    """The same names that the target's own function allows; values are a time or 0."""

    name: Literal["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
    value: str = Field(pattern=r"^(0|[1-9][0-9]{0,8}(us|ms|s|min|h|d)?)$")

    @field_validator("value")
    @classmethod
    def _is_no_hidden_zero(cls, value: str) -> str:
        """Postgres rounds to milliseconds, and no milliseconds are no limit at all."""
        if value.endswith("us") and int(value[:-2]) < _MILLISECOND:
            raise ValueError("less than a millisecond is taken for none: give at least 1ms, or 0")
        return value


class SetDatabaseSetting:
    """Sets one setting for all new sessions of a database."""

    name: ClassVar[str] = "postgres.set_database_setting"
    tier: ClassVar[Tier] = Tier.REVERSIBLE
    secrecy: ClassVar[Secrecy] = OPEN
    params: ClassVar[type[SetDatabaseSettingParams]] = SetDatabaseSettingParams

    def time_needed(self, _: SetDatabaseSettingParams) -> timedelta:
        """Two connections and one short statement each."""
        return timedelta(seconds=20)

    async def observe(self, ctx: Context, params: SetDatabaseSettingParams) -> State:
        """Return the raw text that is set, blanks and all, or null."""
        async with looking(ctx) as connection:
            return {"name": params.name, "value": await _read(Transaction(connection), params)}

    async def plan(self, ctx: Context, params: SetDatabaseSettingParams) -> Diff:
        """Return the one setting that would change, or nothing if it is set already."""
        now = await self.observe(ctx, params)
        if now["value"] == params.value:
            return Diff(ctx.target.id)
        return Diff(ctx.target.id, (Change(params.name, now["value"], params.value),))

    async def apply(self, ctx: Context, params: SetDatabaseSettingParams) -> Result:
        """Set it, if it is still what the receipt holds."""
        before = _value(ctx.before or {})
        return await _compare_and_set(ctx, params, expected=before, value=params.value)

    async def revert(
        self, ctx: Context, params: SetDatabaseSettingParams, before: State, after: State
    ) -> Result:
        """Set it back to the very text that was there, if it is still what the apply left."""
        return await _compare_and_set(ctx, params, expected=_value(after), value=_value(before))


async def _compare_and_set(
    ctx: Context, params: SetDatabaseSettingParams, *, expected: str | None, value: str | None
) -> Result:
    async with connected(ctx) as connection:
        tx = Transaction(connection)
        try:
            await tx.fetchval(
                QUERIES["set_database_setting"], name=params.name, expected=expected, value=value
            )
        except asyncpg.SerializationError as error:
            # An earlier attempt may have set it before it died.
            if not ctx.resumed or await _read(tx, params) != value:
                raise ChangedError(str(error)) from error
        except (asyncpg.UndefinedFunctionError, asyncpg.InvalidSchemaNameError) as error:
            raise UnusableError("grace.set_database_setting is not installed there") from error
    return {"name": params.name, "value": value, "replaced": expected}


async def _read(tx: Transaction, params: SetDatabaseSettingParams) -> str | None:
    value: str | None = await tx.fetchval(QUERIES["read_database_setting"], name=params.name)
    return value


def _value(state: State) -> str | None:
    """Return the value of a state. InvalidError for a state of something else."""
    value = state.get("value", 0)
    if value is not None and not isinstance(value, str):
        raise InvalidError("not a state of a database setting")
    return value
