"""What a test's own source says: whether it changed, and which numbers stand in it.  PYTEST_DONT_REWRITE

Nothing is parsed to tell whether a test changed: its code object knows its lines. Tests of one function share them.
"""

import ast
import dis
import hashlib
import linecache
import textwrap
import types

UNWRAPPED = 20  # decorators around a test; more are a loop
TEXT_LIMIT = 200
VALUES_KEPT = 20

hashes = {}  # code -> hash of its source
constants = {}  # code -> the numbers in its source


def source_hash(item):
    """A short hash of the source of a test's function, decorators included; None where it has none."""
    code = code_of(item)
    if code is None:
        return None
    try:
        return hashes[code]
    except KeyError:
        text = source_of(code)
        found = hashes[code] = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16] if text else None
        return found


def stated(item, properties):
    """What a test reported of itself through `record_property`: name, value, and whether the value is a number that
    stands in its source, and so was perhaps not measured."""
    return [
        (str(name)[:TEXT_LIMIT], text_of(value), is_number(value) and value in numbers_of(item))
        for name, value in properties[:VALUES_KEPT]
    ]


def text_of(value):
    try:
        return str(value)[:TEXT_LIMIT]
    except Exception:  # somebody's __str__
        return type(value).__name__


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def code_of(item):
    function = getattr(item, "function", None)
    for _ in range(UNWRAPPED):
        inner = getattr(function, "__wrapped__", None) or getattr(function, "func", None)
        if inner is None:
            break
        function = inner
    code = getattr(function, "__code__", None)
    return code if isinstance(code, types.CodeType) else None


def source_of(code):
    """Its lines: at least those that the code object names, and what follows indented."""
    lines = linecache.getlines(code.co_filename)
    first = code.co_firstlineno - 1
    if not 0 <= first < len(lines):
        return ""
    end = min(max(first + 1, last_line(code)), len(lines))
    indent = indent_of(lines[first])
    while end < len(lines) and (not lines[end].strip() or indent_of(lines[end]) > indent):
        end += 1
    return "".join(lines[first:end]).rstrip()


def last_line(code):
    last = max((line or 0 for _, line in dis.findlinestarts(code)), default=0)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            last = max(last, last_line(constant))
    return last


def indent_of(line):
    return len(line) - len(line.lstrip())


def numbers_of(item):
    code = code_of(item)
    if code is None:
        return ()
    if code not in constants:
        constants[code] = numbers_in(code)
    return constants[code]


def numbers_in(code):
    try:
        tree = ast.parse(textwrap.dedent(source_of(code)))
    except SyntaxError:  # a part of a file that cannot stand alone
        return {value for value in code.co_consts if is_number(value)}
    found = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and is_number(node.value)}
    return found | {-value for value in found}
