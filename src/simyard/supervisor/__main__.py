"""`python -m simyard.supervisor`: the supervisor of the home folder that the environment names."""

import os
import sys

from simyard import config
from simyard.supervisor.app import main

if __name__ == "__main__":
    try:
        settings = config.load(os.environ)
    except config.ConfigError as error:
        sys.exit(f"simyard supervisor: {error.detail}")
    sys.exit(main(settings, os.environ))
