"""Load on a running system: an evening drawn by lot or a show that was recorded, played by Locust: `make load`.

`locustfile.py` and what it imports run in Locust's process, on gevent; recordings are taken and read without it.
"""
