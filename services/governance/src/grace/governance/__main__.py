"""Runs governance alone: `python -m grace.governance`."""

from grace.governance.app import build
from grace.kit import main

main(build)
