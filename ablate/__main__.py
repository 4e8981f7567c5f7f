"""`python -m ablate`: the commands, for where the `ablate` script is not on the path."""

import os
import sys

if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
    # Python looks into the current folder first; a torch.py that lies there must not be taken for torch.
    sys.path.append(sys.path.pop(0))

from ablate.cli import main

if __name__ == "__main__":
    main()
