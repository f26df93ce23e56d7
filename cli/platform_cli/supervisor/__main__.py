"""The daemon behind `up --detach`: its one argument is the options as JSON."""

import json
import sys

from platform_cli.errors import PlatformError
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.start import run

if __name__ == "__main__":
    try:
        run(Options.from_json(json.loads(sys.argv[1])), watch=lambda state: None)
    except PlatformError as error:
        sys.exit(f"platform: {error}")
