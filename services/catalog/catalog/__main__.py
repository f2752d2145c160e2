"""Starts the service: `python -m catalog`."""

from chassis.run import main

if __name__ == "__main__":
    main("catalog.service:CatalogService")
