"""The rooms of `bench_orders.py`: a crowd in a process of its own, what it buys from, ceilings, and the audit."""
