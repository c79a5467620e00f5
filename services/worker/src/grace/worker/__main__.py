"""Run the worker as a process."""

from grace.kit import main
from grace.worker.app import build

main(build)
