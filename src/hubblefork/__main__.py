"""`hubblefork` and `python -m hubblefork`: the command line, which a signal ends in one line."""

from hubblefork.core.interruption import interruptible


def main() -> None:
    """Run a verb in this process, which ends with it."""
    with interruptible():
        from hubblefork.cli import main as run  # the imports can be interrupted too

        run()


if __name__ == "__main__":
    main()
