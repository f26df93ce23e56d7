"""Which service the fixtures of `chassis.testing` are about."""

import pytest


@pytest.fixture(scope="session")
def service() -> str:
    """The package under test."""
    return "product_service"
