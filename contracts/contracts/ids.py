"""Identifiers: opaque to everyone, sortable by the time they were made (UUID version 7, RFC 9562)."""

import uuid_utils


def new_id() -> str:
    """A fresh identifier, 36 characters; later ones sort after earlier ones."""
    return str(uuid_utils.uuid7())
