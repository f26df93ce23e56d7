import sys

from chassis.main import main

if __name__ == "__main__":
    sys.exit(main("compute_service"))
