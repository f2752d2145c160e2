"""What notify must be told beside what every service must; see README.md for the meaning of each."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from chassis.config import Count, Settings
from notify.deliveries import Retries

_MoreThanNothing = Annotated[float, Meta(gt=0)]


class NotifySettings(Settings, frozen=True, kw_only=True):
    """Settings of this service; the variable of a field is its name in upper case."""

    notify_allowed_schemas: str = "mailtos,jsons"
    notify_allow_private_addresses: bool = False
    notify_delivery_attempts: Count = 8
    notify_retry_first_seconds: _MoreThanNothing = 2.0
    notify_retry_most_seconds: _MoreThanNothing = 900.0
    notify_delivery_concurrency: Count = 16
    notify_send_timeout_seconds: _MoreThanNothing = 8.0
    live_streams_most: Count = 2000
    live_heartbeat_seconds: _MoreThanNothing = 15.0

    @property
    def allowed_schemas(self) -> frozenset[str]:
        """The kinds of address that recipients may give."""
        return frozenset(schema.strip().lower() for schema in self.notify_allowed_schemas.split(",") if schema.strip())

    @property
    def retries(self) -> Retries:
        """How patient deliveries are."""
        seconds = self.notify_retry_first_seconds, self.notify_retry_most_seconds
        return Retries(self.notify_delivery_attempts, *(timedelta(seconds=each) for each in seconds))
