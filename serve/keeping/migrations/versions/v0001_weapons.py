"""The weapons that were given out, with their texts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "weapons",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("rarity", sa.String(16), nullable=False),
        sa.Column("flavour", sa.String(280), nullable=False),
        sa.Column("perks", sa.JSON, nullable=False),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_weapons_given_at", "weapons", ["given_at"])


def downgrade() -> None:
    op.drop_table("weapons")
