"""`python -m tests.faults`, see `killed_commands`."""

import os
import sys

os.environ |= {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
}  # threads do not survive a fork
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from tests.faults.killed_commands import main

if __name__ == "__main__":
    sys.exit(main())
