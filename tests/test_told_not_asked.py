"""A task tells what labels mean: outside `tasks/`, nobody asks which kind of task it is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import hubblefork

PACKAGE = Path(hubblefork.__file__).parent

TASKS = {"Classes", "Votes", "Unlabelled"}
KINDS = {"classes", "votes", "unlabelled"}
# Keys that only the metrics of one kind of task have.
TELLTALE = {"rmse", "per_answer", "per_question", "per_class", "confusion_matrix"}


def questions(source: str) -> list[int]:
    """The lines of Python code that ask which kind of task there is."""
    return sorted({line for node in ast.walk(ast.parse(source)) for line in _asks(node)})


def _asks(node: ast.AST) -> Iterator[int]:
    match node:
        case ast.Call(func=ast.Name("isinstance" | "issubclass"), args=[_, kinds]):
            if any(_name(each) in TASKS for each in ast.walk(kinds)):
                yield node.lineno
        case ast.Call(func=ast.Name("type" | "hasattr" | "getattr"), args=[value, *_]):
            if _is_task(value):
                yield node.lineno
        case ast.MatchClass(cls=kind) if _name(kind) in TASKS:
            yield kind.lineno
        case ast.MatchMapping(keys=keys):
            yield from (key.lineno for key in keys if _text(key) in TELLTALE)
        case ast.Match(subject=subject):
            words = {_text(each) for case in node.cases for each in ast.walk(case.pattern)}
            if _is_kind(subject) and words & KINDS:
                yield node.lineno
        case ast.Compare(left=left, ops=ops, comparators=others):
            if any(_compares(*pair) for pair in zip([left, *others], ops, others, strict=False)):
                yield node.lineno


def _compares(one: ast.expr, operator: ast.cmpop, other: ast.expr) -> bool:
    """Whether a comparison is one of tasks, of their kinds, or of the keys of their metrics."""
    if isinstance(operator, ast.In | ast.NotIn) and _text(one):
        word = _text(one)
        in_metrics = word in {"classes", "accuracy"} and "metrics" in ast.unparse(other)
        return word in TELLTALE or in_metrics
    for first, second in ((one, other), (other, one)):
        if _name(first) in TASKS or ast.unparse(first) == "Unlabelled()":
            return True
        words = {_text(each) for each in ast.walk(second)}
        if _is_kind(first) and (words & KINDS or _is_task(getattr(first, "value", None))):
            return True
    return False


def _name(node: ast.AST | None) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_task(node: ast.AST | None) -> bool:
    return _name(node).lower().endswith("task")


def _is_kind(node: ast.AST) -> bool:
    return _name(node) == "kind"


@pytest.mark.parametrize(
    "code",
    [
        "isinstance(task, Classes)",
        "isinstance(run.task, tasks.Votes | Classes)",
        "isinstance(task, (Votes, Unlabelled))",
        "type(task) is Votes",
        "kind is Classes",
        "task == Unlabelled()",
        "hasattr(self.task, 'tree')",
        "task.kind == other.kind",
        "page.kind == 'votes'",
        "run.task.kind in ('classes', 'votes')",
        "match task:\n    case Votes(): pass",
        "match page.kind:\n    case 'votes': pass",
        "match metrics:\n    case {'rmse': value}: pass",
        "'rmse' in row",
        "'per_answer' not in metrics",
        "'classes' in run.metrics",
    ],
)
def test_questions_are_found(code):
    assert questions(code)


@pytest.mark.parametrize(
    "code",
    [
        "isinstance(task, Task)",
        "task == other.task",
        "task = Classes(names)",
        "values.dtype.kind in 'iuf'",
        "change.kind == 'noise'",
        "'classes' in options",
        "metrics['rmse'] < 0.1",
        "match change.kind:\n    case 'noise': pass",
    ],
)
def test_other_code_is_left_alone(code):
    assert not questions(code)


def test_nobody_outside_tasks_asks_for_the_kind_of_a_task():
    found = [
        f"{path.relative_to(PACKAGE.parent)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent.name != "tasks"
        for line in questions(path.read_text(encoding="utf-8"))
    ]
    assert not found, "expected a method or an attribute of Task instead:\n" + "\n".join(found)
