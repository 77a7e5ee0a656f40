"""One voice for errors: no message is made of Python's own words for its values."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "archivecolor"
# They say what a program of somebody's own does wrong, to who writes it.
FOR_PROGRAMMERS = {"AttributeError", "TypeError"}


def errors_made_in(text):
    """Every call that makes an error for people; faults are for those who mend them."""
    for call in ast.walk(ast.parse(text)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        name, first = call.func.id, call.args[0] if call.args else None
        is_fault = isinstance(first, ast.Attribute) and first.attr == "FAULT"
        if name.endswith("Error") and name not in FOR_PROGRAMMERS and not is_fault:
            yield call


def values_in_python(call):
    """Where the message of an error shows the repr of a value or the name of a class."""
    for part in ast.walk(call):
        if isinstance(part, ast.FormattedValue):
            is_class = isinstance(part.value, ast.Attribute) and part.value.attr == "__name__"
            if is_class or part.conversion == ord("r"):
                yield part.lineno


def test_what_is_looked_for_is_found():
    (call,) = errors_made_in('UsageError(f"{device!r} of {type(error).__name__} and {path}")')
    assert len(list(values_in_python(call))) == 2
    assert not list(errors_made_in('ItemError(Reason.FAULT, f"{type(error).__name__}")'))


def test_no_message_has_the_repr_of_a_value_or_the_name_of_a_class():
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for call in errors_made_in(path.read_text(encoding="utf-8"))
        for line in values_in_python(call)
    ]
    assert not found, f"printable.quoted shows values harmlessly: {found}"
