"""A parameter that is a secret: its name, and nothing that would help anybody who reads it."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from grace.contracts.secrets import BY_NAME, NAME, is_reference


class SecretRef(BaseModel):
    """Names a secret. The value is read by the step that needs it, and only there."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    secret: Annotated[str, Field(pattern=NAME)]

    @model_validator(mode="before")
    @classmethod
    def _is_by_name(cls, given: object) -> object:
        if not isinstance(given, cls) and not is_reference(given):
            raise ValueError(BY_NAME)
        return given


def names_in(value: object) -> frozenset[str]:
    """Return the names of all secrets that parameters refer to."""
    match value:
        case SecretRef():
            return frozenset({value.secret})
        case BaseModel():
            found = [names_in(each) for _, each in value]
        case Mapping():
            found = [names_in(each) for each in value.values()]
        case list() | tuple():
            found = [names_in(each) for each in value]
        case _:
            return frozenset()
    return frozenset().union(*found)
