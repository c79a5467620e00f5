"""Runs observability alone: `python -m grace.observability`."""

from grace.kit import main
from grace.observability.app import build

main(build)
