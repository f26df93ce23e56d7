"""Accounts: who someone is, what they may do, whether they may do it at all."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis import clock
from chassis.exceptions import (
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
    Unauthorized,
    Unprocessable,
)
from user_service.extensions import Base


class Role(StrEnum):
    """What an account may do; `roles` of the access token holds exactly one of these."""

    CUSTOMER = "customer"
    STAFF = "staff"
    ADMIN = "admin"


class UserStatus(StrEnum):
    """Whether an account may be used."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class EmailTaken(Conflict):
    """An account with this e-mail address already exists."""

    code = "users.email_taken"


class UserNotFound(NotFound):
    """There is no such user."""

    code = "users.not_found"


class InvalidCredentials(Unauthorized):
    """E-mail address or password is wrong."""

    # One class for both cases: nothing in the answer may tell whether the account exists.
    code = "users.invalid_credentials"


class AccountDeactivated(Forbidden):
    """This account is deactivated."""

    code = "users.deactivated"


class LastAdmin(Conflict):
    """The last active administrator must remain one."""

    code = "users.last_admin"


class PasswordChanged(Conflict):
    """The password was changed at the same time."""

    code = "users.password_changed"


class WrongPassword(Unprocessable):
    """The current password is wrong."""

    code = "users.wrong_password"


class User(Base):
    """An account. `email` is as it was typed, `email_canonical` is what is compared."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("email_canonical"),
        CheckConstraint("role IN ('customer', 'staff', 'admin')", name="role_known"),
        CheckConstraint("status IN ('active', 'deactivated')", name="status_known"),
        CheckConstraint(
            "(status = 'deactivated') = (deactivated_at IS NOT NULL)", name="deactivated_at_set"
        ),
    )

    email: Mapped[str] = mapped_column(Text)
    email_canonical: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text, server_default=text("'customer'"))
    status: Mapped[str] = mapped_column(Text, server_default=text("'active'"))
    password_hash: Mapped[str] = mapped_column(Text)
    deactivated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # Counts what a reader of the profile can see; the ETag is made of it.
    version: Mapped[int] = mapped_column(server_default=text("1"))

    @property
    def active(self) -> bool:
        """Tell whether the account may be used."""
        return self.status == UserStatus.ACTIVE

    @property
    def active_admin(self) -> bool:
        """Tell whether this account can administer others right now."""
        return self.active and self.role == Role.ADMIN

    def require_version(self, expected: int) -> None:
        """Raise PreconditionFailed unless `expected` is the current version."""
        if self.version != expected:
            raise PreconditionFailed

    def edit(self, changes: Mapping[str, str | None]) -> bool:
        """Apply changes of `name` and `phone`; tell whether anything differs now."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        for name, value in differing.items():
            setattr(self, name, value)
        return self._changed(bool(differing))

    def change_role(self, role: Role) -> bool:
        """Give the account another role; tell whether that changed anything."""
        changed = self.role != role
        self.role = role.value
        return self._changed(changed)

    def deactivate(self) -> bool:
        """Close the account; tell whether it was open."""
        changed = self.active
        if changed:
            self.status, self.deactivated_at = UserStatus.DEACTIVATED.value, clock.now()
        return self._changed(changed)

    def activate(self) -> bool:
        """Open the account again; tell whether it was closed."""
        changed = not self.active
        if changed:
            self.status, self.deactivated_at = UserStatus.ACTIVE.value, None
        return self._changed(changed)

    def _changed(self, changed: bool) -> bool:
        if changed:
            self.version += 1
        return changed
