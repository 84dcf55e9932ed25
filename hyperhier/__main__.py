"""``python -m hyperhier`` is the command ``hyperhier``."""

import sys

from hyperhier.cli import main

if __name__ == "__main__":
    sys.exit(main())
