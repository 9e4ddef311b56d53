# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""`python -m modeling_amuse` is the command `amuse`."""

import sys

from modeling_amuse.scripts.amuse import main

if __name__ == "__main__":
    sys.exit(main())
