"""Everything Shanhuo needs on one machine, started and stopped together: engines, an issuer of tokens, the services.

For the demo, `make up` and the tests; a cluster never runs this. It knows the services by name and HTTP doors only.
"""
