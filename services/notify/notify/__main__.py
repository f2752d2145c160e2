"""Starts the service: `python -m notify`."""

from chassis.run import main

if __name__ == "__main__":
    main("notify.service:NotifyService")
