"""Run the service: `python -m grace.verification`."""

from grace.kit import main
from grace.verification.app import build

main(build)
