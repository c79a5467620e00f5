"""Runs intent alone: `python -m grace.intent`."""

from grace.intent.app import build
from grace.kit import main

main(build)
