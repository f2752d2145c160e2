"""Everything Shanhuo needs on one machine: engines, an issuer of tokens and the four services, as processes started and stopped together.

For the demo, `make up` and the tests; a cluster never runs this. It knows the services by their names and their HTTP doors only.
"""
