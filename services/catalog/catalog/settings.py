"""What the catalog must be told; it needs nothing beyond what every service does."""

from chassis.config import Settings


class CatalogSettings(Settings, frozen=True, kw_only=True):
    """Settings of the catalog, from the environment."""
