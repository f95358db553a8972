"""Web's store of users and of their ways in: sessions of browsers, and addresses that log in once."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from simyard.store.engine import reading, writing
from simyard.store.web_tables import once, session, user


class UserStore:
    """Users, sessions, one-time addresses. What a browser carries is stored as its hash only. Every method raises StoreError."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def ensure(self, user_id: str, name: str, now: float) -> None:
        """The user is there after this."""
        with writing(self._engine) as connection:
            if connection.execute(sa.select(user.c.id).where(user.c.id == user_id)).first() is None:
                connection.execute(user.insert(), {"id": user_id, "name": name, "created": now})

    def add_session(self, secret: str, user_id: str, expires: float, now: float) -> None:
        """A browser that carries `secret` is `user_id` until `expires`; sessions that have expired are forgotten."""
        with writing(self._engine) as connection:
            connection.execute(session.delete().where(session.c.expires <= now))
            connection.execute(session.insert(), {"id": _hash(secret), "user": user_id, "expires": expires})

    def session_user(self, secret: str, now: float) -> str | None:
        """Who carries this secret; None where nobody does, or it has expired."""
        query = sa.select(session.c.user).where(session.c.id == _hash(secret), session.c.expires > now)
        with reading(self._engine) as connection:
            found: str | None = connection.execute(query).scalar()
        return found

    def end_session(self, secret: str) -> None:
        with writing(self._engine) as connection:
            connection.execute(session.delete().where(session.c.id == _hash(secret)))

    def add_once(self, nonce: str, user_id: str, expires: float, now: float) -> None:
        """`nonce` logs `user_id` in, once, until `expires`."""
        with writing(self._engine) as connection:
            connection.execute(once.delete().where(once.c.expires <= now))
            connection.execute(once.insert(), {"id": _hash(nonce), "user": user_id, "expires": expires})

    def take_once(self, nonce: str, now: float) -> str | None:
        """Whom this nonce logs in, and it is used up; None where it is not known, used, or expired. Of several that ask
        at the same time, one gets the answer."""
        with writing(self._engine) as connection:
            row = connection.execute(sa.select(once.c.user, once.c.expires).where(once.c.id == _hash(nonce))).first()
            # the count of the deletion decides: on PostgreSQL two may have read the same row
            taken = connection.execute(once.delete().where(once.c.id == _hash(nonce))).rowcount
        return row.user if row is not None and taken == 1 and row.expires > now else None


def _hash(secret: str) -> str:
    # secrets are 256 random bits, so that a plain hash cannot be searched
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
