"""Owners from a database, by one read-only query."""

from collections.abc import Collection
from functools import partial
from time import monotonic

from tailrace.core.errors import ConfigurationError
from tailrace.owners.asking import THREADS, Asking

try:
    import sqlalchemy
    from sqlalchemy import event
    from sqlalchemy.engine import Engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError
except ModuleNotFoundError:
    raise ConfigurationError(
        "Owners from a database need SQLAlchemy.", hint='Install it with pip install "tailrace[sql]".'
    ) from None

# Of one resource; a query that forgot its condition gives all.
MOST_OWNERS = 100
# Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
SQLITE_STEPS = 1000


class SqlOwners:
    """Asks a database whose a resource is.

    Args:
        url: where it is, in SQLAlchemy's form.
        query: with `:id`; the first column of each row is a principal's name.
        seconds: for an answer.

    Raises:
        ConfigurationError: the address or the query is none.
    """

    def __init__(self, url: str, query: str, seconds: float) -> None:
        if ":id" not in query:
            raise ConfigurationError(
                "ownership.query asks for no :id.", hint="It reads SELECT owner FROM tasks WHERE id = :id."
            )
        self._query = sqlalchemy.text(query)
        self._engine = _engine(url, seconds)
        self._asking = Asking(seconds)

    async def of(self, resource: str) -> Collection[str]:
        """The names of its owners."""
        return await self._asking.ask(partial(self._ask, resource))

    def close(self) -> None:
        """End its connections."""
        self._engine.dispose()

    def _ask(self, resource: str) -> Collection[str]:
        with self._engine.connect() as connection:
            rows = connection.execute(self._query, {"id": resource}).fetchmany(MOST_OWNERS)
            # Nothing was written, and nothing may have been.
            connection.rollback()
        return tuple(str(row[0]) for row in rows if row[0] is not None)


def _engine(url: str, seconds: float) -> Engine:
    try:
        made = sqlalchemy.make_url(url)
        whole = max(1, round(seconds))
        options: dict[str, object] = {}
        if made.get_backend_name() == "postgresql":
            # The server itself refuses to write, and gives up in time.
            options["execution_options"] = {"postgresql_readonly": True}
            limit = f"-c statement_timeout={whole * 1000} -c default_transaction_read_only=on"
            options["connect_args"] = {"connect_timeout": whole, "options": limit, **_notices_death(whole)}
        elif made.get_backend_name() == "sqlite":
            # Its wait for whoever writes.
            options["connect_args"] = {"timeout": seconds}
        if made.get_backend_name() != "sqlite" or made.database not in {None, "", ":memory:"}:
            options |= {"pool_size": THREADS, "max_overflow": 0, "pool_timeout": seconds}
        engine = sqlalchemy.create_engine(made, pool_pre_ping=True, **options)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, TypeError) as error:
        raise ConfigurationError(
            "ownership.database_url is no address of a database.",
            # The error's text may repeat a password.
            cause=type(error).__name__,
            hint="It reads postgresql+psycopg://user:password@host/name, or sqlite:////path/file.db.",
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _refuse_writes)
        event.listen(engine, "checkout", partial(_give_up_after, seconds))
    return engine


def _notices_death(seconds: int) -> dict[str, int]:
    """What libpq needs to see that a network or a host is gone."""
    return {
        "keepalives": 1,
        "keepalives_idle": seconds,
        "keepalives_interval": seconds,
        "keepalives_count": 2,
        "tcp_user_timeout": seconds * 1000,
    }


def _refuse_writes(connection: object, record: object) -> None:
    del record
    connection.execute("PRAGMA query_only = ON")  # type: ignore[attr-defined]  # sqlite3's own


def _give_up_after(seconds: float, connection: object, record: object, proxy: object) -> None:
    """SQLite has no limit for a query: its machine looks at the clock every now and then."""
    del record, proxy
    until = monotonic() + seconds
    connection.set_progress_handler(lambda: monotonic() > until, SQLITE_STEPS)  # type: ignore[attr-defined]  # sqlite3's own
