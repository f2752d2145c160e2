"""Shanhuo's Grafana dashboards, as Python; `python -m dashboards` writes them to `deploy/grafana/dashboards`."""
