"""The charts of `deploy/`: what of them is made from the contracts, and whether a cluster would take them."""
