"""Runs the gateway alone: `python -m grace.gateway`."""

from grace.gateway.app import build
from grace.kit import main

main(build)
