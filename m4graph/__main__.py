"""``python -m m4graph``: the command line."""

import sys

from m4graph.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
