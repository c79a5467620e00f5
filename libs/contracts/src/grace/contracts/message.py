"""What every message can do: become bytes and come back from them. Hand-written."""

import json
from typing import ClassVar, Final, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

MAX_BYTES: Final = 1024 * 1024
_LONGEST_REASON: Final = 300
_TWICE: Final = "a key occurs twice"
_NO_NUMBER: Final = "NaN and Infinity are not JSON"


class ContractError(ValueError):
    """A message breaks its contract. The text names the field and never repeats the input."""


class Message(BaseModel):
    """A frozen message. Unknown fields are ignored: an older reader understands a newer writer."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False,
        # Built at its first use: a process knows hundreds of messages and uses a few of them.
        defer_build=True,
    )  # fmt: skip

    SCHEMA: ClassVar[str]
    SUBJECT: ClassVar[str] = ""
    """Empty for a message that only travels inside others."""

    def to_bytes(self) -> bytes:
        """Return compact JSON in snake_case, without what is None."""
        data = self.__pydantic_serializer__.to_json(self, exclude_none=True)
        _check_size(self.SCHEMA, data)
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a message whose signature was checked, or raise ContractError."""
        _check_size(cls.SCHEMA, data)
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise _broken(cls.SCHEMA, _first_reason(error)) from None

    @classmethod
    def from_untrusted_bytes(cls, data: bytes) -> Self:
        """Read a message that nobody signed: duplicate keys and NaN are refused anywhere in it."""
        _check_size(cls.SCHEMA, data)
        try:
            json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, ContractError) else "not JSON in UTF-8"
            raise _broken(cls.SCHEMA, reason) from None
        return cls.from_bytes(data)


R_co = TypeVar("R_co", bound=Message, covariant=True)


class Query(Protocol[R_co]):
    """A message that its owner answers with a `REPLY`."""

    @property
    def REPLY(self) -> type[R_co]:  # noqa: N802
        """The model of the answer."""
        ...

    @property
    def SUBJECT(self) -> str:  # noqa: N802
        """Where it is asked."""
        ...

    @property
    def SCHEMA(self) -> str:  # noqa: N802
        """The name of its schema."""
        ...

    def to_bytes(self) -> bytes:
        """Return compact JSON."""
        ...


def _broken(schema: str, reason: str) -> ContractError:
    return ContractError(f"{schema}: {reason}")


def _check_size(schema: str, data: bytes) -> None:
    if len(data) > MAX_BYTES:
        raise _broken(schema, f"{len(data)} bytes, more than {MAX_BYTES}")


def _first_reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    reason = f"{field}: {first['msg']}" if field else first["msg"]
    return reason[:_LONGEST_REASON]


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ContractError(_TWICE)
    return found


def _no_constant(_: str) -> None:
    raise ContractError(_NO_NUMBER)
