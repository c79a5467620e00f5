"""Run identity as a process of its own."""

from grace.identity.app import build
from grace.kit import main

main(build)
