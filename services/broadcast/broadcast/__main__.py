"""Starts the service: `python -m broadcast`."""

from chassis.run import main

if __name__ == "__main__":
    main("broadcast.service:BroadcastService")
