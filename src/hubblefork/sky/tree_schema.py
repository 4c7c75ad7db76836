"""The schema of the data file of a decision tree: its keys, with largest numbers and lengths."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hubblefork.core.validation import in_words

# The trees of all Galaxy Zoos have up to 20 questions, with 2 to 8 answers each.
_MOST_QUESTIONS = 100
_MOST_ANSWERS = 100
# Questions and answers are short texts.
_LONGEST = 500

_Text = Annotated[str, Field(max_length=_LONGEST)]
_Name = Annotated[str, Field(min_length=1, max_length=_LONGEST)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class _Answer(_Table):
    column: _Name
    text: _Text
    next: int | None = None
    looks: _Text = ""


class _Question(_Table):
    text: _Text
    short: _Text = ""
    topic: _Text = ""
    parent: _Text | None = None
    unless: _Text | None = None
    answers: Annotated[list[_Answer], Field(min_length=2, max_length=_MOST_ANSWERS)]


class _Kind(_Table):
    name: _Name
    answer: _Text | None = None


class _Tree(_Table):
    name: _Name
    title: _Text
    source: Annotated[str, Field(max_length=10 * _LONGEST)]
    fractions_of: Literal["everybody", "asked"]
    questions: Annotated[list[_Question], Field(min_length=1, max_length=_MOST_QUESTIONS)]
    kinds: Annotated[list[_Kind], Field(min_length=1, max_length=_MOST_ANSWERS)]


def misshapen(content: Any) -> str:
    """The first thing that is wrong with the content of a tree's file; empty where nothing is.

    >>> misshapen({"name": "small"})
    'title: missing'
    """
    try:
        _Tree.model_validate(content)
    except ValidationError as error:
        return ": ".join(in_words(error))
    return ""
