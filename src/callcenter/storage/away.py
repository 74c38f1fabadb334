"""What it looks like when Postgres is stopped, hangs or restarts: worth another try, not an end."""

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

AWAY = (OSError, TimeoutError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)
