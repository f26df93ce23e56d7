import pytest

from chassis.config import ConfigError
from compute_service.config import Config


def test_patience_is_positive() -> None:
    stores = {"database_url": "postgresql+psycopg2://x", "redis_url": "redis://x"}
    with pytest.raises(ConfigError, match="COMPUTE_PATIENCE must be above 0"):
        Config.from_env({"COMPUTE_PATIENCE": "0"}, secret_key="x", **stores)
