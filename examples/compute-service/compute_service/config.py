from dataclasses import dataclass

from chassis.config import ServiceConfig, setting


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    """Settings of compute-service beside those that every service has."""

    compute_patience: float = setting(
        60.0, "Seconds after which a job whose task was lost is done by the sweep"
    )

    def problems(self) -> list[str]:
        """Return what is wrong with the values together."""
        found = super().problems()
        if self.compute_patience <= 0:
            found.append("COMPUTE_PATIENCE must be above 0")
        return found
