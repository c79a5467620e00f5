"""Run htm as a process of its own."""

from grace.htm.app import build
from grace.kit import main

main(build)
