"""What the services measure: the series that they can have, with their labels."""

from __future__ import annotations

import importlib
import importlib.util

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from grace.contracts.subjects import SERVICES


def metrics() -> dict[str, set[str]]:
    """Every series that the services can have, with its labels."""
    importlib.import_module("grace.kit.metrics")
    for service in SERVICES:
        if importlib.util.find_spec(f"grace.{service}.metrics"):
            importlib.import_module(f"grace.{service}.metrics")
    found = {}
    for name, collector in REGISTRY._names_to_collectors.items():
        if isinstance(collector, MetricWrapperBase):
            edge = {"le"} if name.endswith("_bucket") else set()
            found[name] = {*collector._labelnames} | edge
    return found
