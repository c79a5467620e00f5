"""No setting is a time that cannot be meant: what runs out before it begins deletes or expires all there is."""

import importlib
from datetime import timedelta

from annotated_types import Ge, Gt


def test_no_time_is_negative(service: str) -> None:
    settings = importlib.import_module(f"grace.{service}.settings").Settings
    for name, field in settings.model_fields.items():
        if field.annotation is timedelta:
            bounds = [each for each in field.metadata if isinstance(each, Ge | Gt)]
            least = [each.ge if isinstance(each, Ge) else each.gt for each in bounds]
            assert least, f"{name} may be negative"
            assert all(each >= timedelta(0) for each in least), name
