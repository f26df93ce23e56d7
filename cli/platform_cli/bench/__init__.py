"""`./platform bench`: measurements against gateways of other makes, built on the spot."""
