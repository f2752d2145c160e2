"""A small service with one route of each kind, run by the tests of the chassis as a process of its own."""
