"""One test for each service where a test asks for `service`: failures are told by service."""

import pytest

from .tree import services


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "service" in metafunc.fixturenames:
        metafunc.parametrize("service", services())
