"""The types of fields: proto3's scalars in JSON, read strictly. Hand-written."""

import binascii
import math
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import Field, JsonValue, Strict
from pydantic_core import CoreSchema, core_schema

_NO_NUL: Final = r"^[^\x00]*$"
_ID: Final = r"^[A-Za-z0-9._:-]{1,128}$"
_RFC_3339: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})$"
)
_INT32: Final = 2**31
_INT64: Final = 2**63
_DEPTH: Final = 64
# asyncpg writes these two as infinity, and reads that as a time without a zone: one row of it and
# whoever compares or tells it fails. The first is also how Go writes a time that was never set.
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_EXACT_IN_DOUBLE: Final = 2**53

_OUT_OF_RANGE: Final = "the time is out of range"
_NOT_BASE64: Final = "not padded standard base64"
_KEY_NOT_TEXT: Final = "a key is not text"
_TOO_LARGE: Final = "an integer beyond 2^53 does not fit here"
_NOT_FINITE: Final = "not a finite number"
_NOT_JSON: Final = "holds something that JSON does not know"
_NUL: Final = "holds U+0000"
_SURROGATE: Final = "holds a lone surrogate"
_TOO_DEEP: Final = f"nested deeper than {_DEPTH}"


class _Timestamp:
    """RFC 3339 text in JSON; outside JSON an aware datetime. Always kept in UTC."""

    @staticmethod
    def __get_pydantic_core_schema__(*_: object) -> CoreSchema:
        text = core_schema.str_schema(strict=True, max_length=40, pattern=_RFC_3339)
        aware = core_schema.datetime_schema(strict=False, tz_constraint="aware")
        return core_schema.no_info_after_validator_function(
            in_utc,
            core_schema.json_or_python_schema(
                json_schema=core_schema.chain_schema([text, aware]),
                python_schema=core_schema.datetime_schema(strict=True, tz_constraint="aware"),
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                _written_time, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )

    @staticmethod
    def __get_pydantic_json_schema__(*_: object) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


class _Int64:
    """A decimal string in JSON, since a double does not hold 64 bits; a number is read too."""

    @staticmethod
    def __get_pydantic_core_schema__(*_: object) -> CoreSchema:
        number = core_schema.int_schema(strict=True, ge=-_INT64, le=_INT64 - 1)
        text = core_schema.str_schema(strict=True, pattern=r"^-?[0-9]{1,19}$")
        parsed = core_schema.int_schema(strict=False, ge=-_INT64, le=_INT64 - 1)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.union_schema(
                [number, core_schema.chain_schema([text, parsed])],
                custom_error_type="int64",
                custom_error_message="Input should be a 64-bit integer or its decimal string",
            ),
            python_schema=number,
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )

    @staticmethod
    def __get_pydantic_json_schema__(*_: object) -> dict[str, Any]:
        return {"type": ["string", "integer"], "pattern": "^-?[0-9]{1,19}$", "format": "int64"}


class _Bytes:
    """Padded standard base64 in JSON."""

    @staticmethod
    def __get_pydantic_core_schema__(*_: object) -> CoreSchema:
        text = core_schema.str_schema(strict=True)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(_from_base64, text),
            python_schema=core_schema.bytes_schema(strict=True),
            serialization=core_schema.plain_serializer_function_ser_schema(
                _in_base64, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )

    @staticmethod
    def __get_pydantic_json_schema__(*_: object) -> dict[str, Any]:
        return {"type": "string", "contentEncoding": "base64"}


class _Struct:
    """A free JSON object. Numbers are doubles, so an integer must fit one exactly."""

    @staticmethod
    def __get_pydantic_core_schema__(*_: object) -> CoreSchema:
        free = core_schema.dict_schema(core_schema.any_schema(), core_schema.any_schema())
        return core_schema.no_info_after_validator_function(_checked_struct, free)

    @staticmethod
    def __get_pydantic_json_schema__(*_: object) -> dict[str, Any]:
        return {"type": "object"}


def in_utc(value: datetime) -> datetime:
    """Return the time in UTC. ValueError for one that nobody can keep."""
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise ValueError(_OUT_OF_RANGE) from None
    if not _FIRST < moment < _LAST:
        raise ValueError(_OUT_OF_RANGE)
    return moment


def _written_time(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _from_base64(value: str) -> bytes:
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:  # Of characters outside ASCII too, not only binascii.Error.
        raise ValueError(_NOT_BASE64) from None


def _in_base64(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _checked_struct(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    level: list[Any] = [value]
    for _ in range(_DEPTH):
        level = [inner for container in level for inner in _containers(container)]
        if not level:
            return value
    raise ValueError(_TOO_DEEP)


def _containers(container: dict[Any, Any] | list[Any]) -> Iterator[object]:
    if isinstance(container, dict):
        _check_keys(container)
    for item in container.values() if isinstance(container, dict) else container:
        if isinstance(item, dict | list):
            yield item
        else:
            _check_leaf(item)


def _check_keys(item: dict[Any, Any]) -> None:
    for key in item:
        if not isinstance(key, str):
            raise ValueError(_KEY_NOT_TEXT)  # noqa: TRY004, pydantic collects ValueError only
        _check_text(key)


def _check_leaf(item: object) -> None:
    match item:
        case None | bool():
            return
        case str():
            _check_text(item)
        case int():
            if abs(item) > _EXACT_IN_DOUBLE:
                raise ValueError(_TOO_LARGE)
        case float():
            if not math.isfinite(item):
                raise ValueError(_NOT_FINITE)
        case _:
            raise ValueError(_NOT_JSON)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ValueError(_NUL)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(_SURROGATE) from None


Bool = Annotated[bool, Strict()]
Bytes = Annotated[bytes, _Bytes]
Double = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Int32 = Annotated[int, Strict(), Field(ge=-_INT32, le=_INT32 - 1)]
Int64 = Annotated[int, _Int64]
UInt32 = Annotated[int, Strict(), Field(ge=0, le=2 * _INT32 - 1)]
LongText = Annotated[str, Strict(), Field(pattern=_NO_NUL)]
Text = Annotated[LongText, Field(max_length=4096)]
Id = Annotated[str, Strict(), Field(pattern=_ID)]
Struct = Annotated[dict[str, JsonValue], _Struct]
Timestamp = Annotated[datetime, _Timestamp]
