"""Runs learning alone: `python -m grace.learning`."""

from grace.kit import main
from grace.learning.app import build

main(build)
