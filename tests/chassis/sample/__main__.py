"""Starts the sample service as every service is started: `python -m sample`."""

from chassis.run import main

main("sample.service:Sample")
