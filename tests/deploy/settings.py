"""Whether a service starts with an environment: its own Settings class decides."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping

import pytest

from grace.kit import ServiceSettings


def read(
    service: str, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> ServiceSettings:
    """The settings in that environment and no other. SettingsError for a name that is none."""
    for name in [name for name in os.environ if name.startswith("GRACE_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    prefix = f"GRACE_{service.upper()}_"
    strangers = [n for n in environment if n.startswith("GRACE_") and not n.startswith(prefix)]
    assert strangers == [], f"{service} would never read these"
    found: ServiceSettings = importlib.import_module(f"grace.{service}.settings").Settings()
    return found
