"""`python -m ablate`: the commands, for where the `ablate` script is not on the path."""

from ablate.cli import main

if __name__ == "__main__":
    main()
