"""The evening under load as a real Prometheus sees it, through the dashboards' own queries: `python -m watch`."""
