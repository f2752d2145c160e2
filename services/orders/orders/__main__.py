"""Starts the service: `python -m orders`."""

from chassis.run import main

if __name__ == "__main__":
    main("orders.service:OrdersService")
