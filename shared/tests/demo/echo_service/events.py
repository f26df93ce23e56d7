"""The echo service hears what it says."""

from sqlalchemy.orm import Session

from chassis.messaging.event import Event
from echo_service.models import hear


def on_said(session: Session, event: Event) -> None:
    hear(session, f"event {event.data['what']}")


PUBLISHES = frozenset({"echo.said.v1", "echo.whispered.v1"})
CONSUMES = {"echo.said.v1": on_said}
UNCONSUMED = frozenset({"echo.whispered.v1"})
