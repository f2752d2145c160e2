"""What broadcast must be told to run: nothing beyond what every service is told."""

from chassis.config import Settings


class BroadcastSettings(Settings, frozen=True, kw_only=True):
    """Settings of the broadcast service."""
