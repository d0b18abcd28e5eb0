"""`python -m greendock` is the same program as `greendock`."""

import sys

from greendock.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
