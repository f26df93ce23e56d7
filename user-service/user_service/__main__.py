"""`python -m user_service web | worker | migrate`."""

import sys

from chassis.main import main

if __name__ == "__main__":
    sys.exit(main("user_service"))
