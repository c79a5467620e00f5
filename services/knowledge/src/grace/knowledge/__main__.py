"""Runs knowledge alone: `python -m grace.knowledge`."""

from grace.kit import main
from grace.knowledge.app import build

main(build)
