"""Helm, for what the charts say to Prometheus."""

from tests.unit.manifests.conftest import helm, render

__all__ = ["helm", "render"]
