"""Engines and services in containers, by testcontainers: needs the extra `containers` and a Docker engine."""
