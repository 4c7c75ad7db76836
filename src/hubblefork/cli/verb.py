"""How the help of a verb shows its arguments: by name alone, `SOURCE` and not `SOURCE <str>`."""

from typing import Any

from typer.core import TyperArgument, TyperCommand


class Verb(TyperCommand):
    """A command whose help leaves out the type that newer typer writes after an argument's name.

    The types of options are their `metavar`.
    """

    def __init__(self, *given: Any, **options: Any):
        super().__init__(*given, **options)
        for parameter in self.params:
            if isinstance(parameter, TyperArgument):
                vars(parameter)["display_type_rich"] = lambda ctx: ""
