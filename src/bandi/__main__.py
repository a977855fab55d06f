"""`python -m bandi` is the `bandi` command."""

from bandi.cli.main import main

main()
