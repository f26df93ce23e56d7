"""When people are not to be disturbed with marketing."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=256)
def time_zone(name: str) -> tzinfo:
    """Return a zone by its name in the tz database; raises ValueError."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError):
        raise ValueError(f"{name[:40]!r} is no time zone") from None


@dataclass(frozen=True)
class QuietHours:
    """From `begin` to `end` on a clock, over midnight where begin is the later one."""

    begin: time
    end: time
    zone: str

    @classmethod
    def parse(cls, text: str, zone: str) -> "QuietHours | None":
        """Read `22:00-08:00`; empty text means none. Raises ValueError."""
        time_zone(zone)
        if not text:
            return None
        begin, dash, end = text.partition("-")
        if not dash:
            raise ValueError("hours look like 22:00-08:00")
        return cls(time.fromisoformat(begin), time.fromisoformat(end), zone)

    def after(self, moment: datetime, zone: str | None = None) -> datetime:
        """Return `moment`, or the end of the quiet hours that it falls into.

        zone: that of the person, where it is known.
        """
        local = moment.astimezone(time_zone(zone or self.zone))
        if not self._quiet(local.time()):
            return moment
        end = local.replace(
            hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0, fold=0
        )
        if end <= local:
            end += timedelta(days=1)
        return end.astimezone(moment.tzinfo)

    def _quiet(self, clock: time) -> bool:
        if self.begin <= self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end
