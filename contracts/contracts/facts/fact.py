"""What every fact is. The facts themselves stand beside it, a room for each aggregate."""

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says. Unknown fields are ignored by readers, so a field may be added."""
