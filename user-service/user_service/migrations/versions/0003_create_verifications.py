"""What of an account is verified, its language, and the codes that prove it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None

_PURPOSES = "purpose IN ('verify_email', 'verify_phone', 'login', 'reset_password')"


def upgrade() -> None:
    _extend_users()
    _create_verifications()


def downgrade() -> None:
    op.drop_table("verifications")
    op.drop_index("uq_users_phone_verified", "users")
    op.drop_constraint("ck_users_verified_phone_is_there", "users")
    for column in ("locale", "phone_verified_at", "email_verified_at"):
        op.drop_column("users", column)


def _extend_users() -> None:
    op.add_column("users", sa.Column("email_verified_at", sa.DateTime(timezone=True)))
    op.add_column("users", sa.Column("phone_verified_at", sa.DateTime(timezone=True)))
    locale = sa.Column("locale", sa.Text(), server_default=sa.text("'en'"), nullable=False)
    op.add_column("users", locale)
    op.create_check_constraint(
        op.f("ck_users_verified_phone_is_there"),
        "users",
        "phone_verified_at IS NULL OR phone IS NOT NULL",
    )
    op.create_index(
        "uq_users_phone_verified",
        "users",
        ["phone"],
        unique=True,
        postgresql_where=sa.text("phone_verified_at IS NOT NULL"),
    )


def _create_verifications() -> None:
    op.create_table(
        "verifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("receiver_digest", sa.LargeBinary(), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_PURPOSES, name=op.f("ck_verifications_purpose_known")),
        sa.CheckConstraint(
            "attempts BETWEEN 0 AND 5", name=op.f("ck_verifications_attempts_bounded")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_verifications_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
    )
    for name, columns in (
        ("ix_verifications_receiver_digest", ["receiver_digest", "created_at"]),
        ("ix_verifications_user_id", ["user_id", "created_at"]),
        ("ix_verifications_created_at", ["created_at"]),
    ):
        op.create_index(name, "verifications", columns)
    op.create_index(
        "uq_verifications_reset_token",
        "verifications",
        ["secret_digest"],
        unique=True,
        postgresql_where=sa.text("purpose = 'reset_password'"),
    )
