"""`python -m product_service web | worker | migrate`."""

from chassis.main import main

main("product_service")
