"""`python -m hubblefork` is the command line."""

from hubblefork.cli import main

main()
