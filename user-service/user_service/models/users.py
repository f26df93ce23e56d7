"""Accounts: who someone is, what they may do, whether they may do it at all."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, Index, Text, UniqueConstraint, text
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


class Locale(StrEnum):
    """The languages that messages are written in (BCP 47)."""

    EN = "en"
    ZH_CN = "zh-CN"


class EmailTaken(Conflict):
    """An account with this e-mail address already exists."""

    code = "users.email_taken"


class PhoneTaken(Conflict):
    """Another account has verified this phone number."""

    code = "users.phone_taken"


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
        # Anybody can type any number; one account can have shown that it is theirs.
        Index(
            "uq_users_phone_verified",
            "phone",
            unique=True,
            postgresql_where=text("phone_verified_at IS NOT NULL"),
        ),
        CheckConstraint("role IN ('customer', 'staff', 'admin')", name="role_known"),
        CheckConstraint("status IN ('active', 'deactivated')", name="status_known"),
        CheckConstraint(
            "(status = 'deactivated') = (deactivated_at IS NOT NULL)", name="deactivated_at_set"
        ),
        CheckConstraint(
            "phone_verified_at IS NULL OR phone IS NOT NULL", name="verified_phone_is_there"
        ),
    )

    email: Mapped[str] = mapped_column(Text)
    email_canonical: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    email_verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    phone: Mapped[str | None] = mapped_column(Text)
    phone_verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    locale: Mapped[str] = mapped_column(Text, server_default=text("'en'"))
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
    def email_verified(self) -> bool:
        """Tell whether the owner has shown to read mail at `email`."""
        return self.email_verified_at is not None

    @property
    def phone_verified(self) -> bool:
        """Tell whether the owner has shown to read messages at `phone`."""
        return self.phone_verified_at is not None

    @property
    def active_admin(self) -> bool:
        """Tell whether this account can administer others right now."""
        return self.active and self.role == Role.ADMIN

    def require_version(self, expected: int) -> None:
        """Raise PreconditionFailed unless `expected` is the current version."""
        if self.version != expected:
            raise PreconditionFailed

    def edit(self, changes: Mapping[str, str | None]) -> bool:
        """Apply changes of `name`, `phone` and `locale`; tell whether anything differs now.

        Another phone number is unverified.
        """
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if "phone" in differing:
            self.phone_verified_at = None
        for name, value in differing.items():
            setattr(self, name, value)
        return self._changed(bool(differing))

    def change_email(self, email: str, canonical: str) -> bool:
        """Give the account another address; tell whether its mailbox is another, and unverified."""
        another_mailbox = self.email_canonical != canonical
        if another_mailbox:
            self.email_verified_at = None
        changed = self.email != email
        self.email, self.email_canonical = email, canonical
        self._changed(changed)
        return another_mailbox

    def verify_email(self) -> bool:
        """Note that the owner reads mail at `email`; tell whether that is new."""
        changed = not self.email_verified
        self.email_verified_at = self.email_verified_at or clock.now()
        return self._changed(changed)

    def verify_phone(self) -> bool:
        """Note that the owner reads messages at `phone`; tell whether that is new."""
        changed = not self.phone_verified
        self.phone_verified_at = self.phone_verified_at or clock.now()
        return self._changed(changed)

    def distrust_phone(self) -> bool:
        """Forget that the phone number was verified; tell whether it was."""
        changed = self.phone_verified
        self.phone_verified_at = None
        return self._changed(changed)

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
