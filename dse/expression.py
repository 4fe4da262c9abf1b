"""`Expression`: a condition over parameters as text (`"buffers >= 2 * depth and mode != 'slow'"`), never run.

Python's parser reads the text; only the few kinds of nodes below are known, each with the kinds of values it
takes. So a stranger's file can compare numbers and names, and nothing else.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dse.errors import SpaceError, did_you_mean, listed
from dse.parameter import Parameter

Kind = Literal["number", "text", "truth"]
Columns = Mapping[str, NDArray[Any]]
Compiled = tuple[Kind, Callable[[Columns], Any]]

_LONGEST = 500
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EQUALITY: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {ast.Eq: operator.eq, ast.NotEq: operator.ne}
_GRAMMAR = "expected names of parameters, numbers, 'texts', + - * / // %, comparisons, in [...], and, or, not"


class Expression:
    """A condition, checked against the parameters it names.

    names: those it uses, in the order of the parameters. check_texts: a text must be a value of the parameter
    it is compared with. Raises SpaceError for anything else than a condition, and for unknown names.
    """

    def __init__(self, text: str, parameters: Sequence[Parameter], *, check_texts: bool = True) -> None:
        self.text = text
        self._known = {parameter.name: parameter for parameter in parameters}
        self._used: set[str] = set()
        self._check_texts = check_texts
        if len(text) > _LONGEST:
            raise SpaceError(f"a condition of {len(text)} characters: at most {_LONGEST}")
        try:
            kind, self._value = self._compile(ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            why = error.msg if isinstance(error, SyntaxError) else error
            raise SpaceError(f"{text!r} is no condition over parameters ({why}): {_GRAMMAR}") from None
        if kind != "truth":
            raise SpaceError(f"{text!r} is a {kind}, not a condition: compare it with something")
        self.names = tuple(name for name in self._known if name in self._used)
        if not self.names:
            raise SpaceError(f"{text!r} names no parameter")
        self._tables = {name: np.array(self._known[name].values) for name in self.names}
        self._position = {parameter.name: d for d, parameter in enumerate(parameters)}

    def holds(self, indices: NDArray[np.int16]) -> NDArray[np.bool_]:
        """(n,) True where the condition holds, for rows (n, D) of value positions."""
        columns = {name: table[indices[:, self._position[name]]] for name, table in self._tables.items()}
        with np.errstate(divide="ignore", invalid="ignore"):
            found: NDArray[np.bool_] = np.broadcast_to(self._value(columns), len(indices)).astype(np.bool_)
        return found

    def _compile(self, node: ast.expr) -> Compiled:
        match node:
            case ast.Constant(value=bool(flag)):
                return "truth", lambda _: flag
            case ast.Constant(value=int(number)) | ast.Constant(value=float(number)):
                return "number", lambda _: number
            case ast.Constant(value=str(text)):
                return "text", lambda _: text
            case ast.Name(id="true" | "false" as word) if word not in self._known:
                return "truth", lambda _: word == "true"
            case ast.Name(id=name):
                return self._parameter(name)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                value = self._of("number", inner)
                return "number", lambda columns: -value(columns)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                value = self._of("truth", inner)
                return "truth", lambda columns: np.logical_not(value(columns))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return self._arithmetic(_ARITHMETIC[type(op)], left, right)
            case ast.BoolOp(op=junction, values=parts):
                return self._junction(isinstance(junction, ast.And), parts)
            case ast.Compare(left=left, ops=ops, comparators=others):
                pairs = zip([left, *others], ops, others, strict=False)
                return self._all([self._comparison(a, op, b) for a, op, b in pairs])
            case _:
                raise ValueError(f"it has {ast.unparse(node)!r}")

    def _parameter(self, name: str) -> Compiled:
        parameter = self._known.get(name)
        if parameter is None:
            raise SpaceError(
                f"{self.text!r} names an unknown parameter {name!r}.{did_you_mean(name, self._known)}"
            )
        self._used.add(name)
        return _kind_of(parameter), lambda columns: columns[name]

    def _of(self, kind: Kind, node: ast.expr) -> Callable[[Columns], Any]:
        found, value = self._compile(node)
        if found != kind:
            raise SpaceError(f"{self.text!r}: {ast.unparse(node)} is a {found}, expected a {kind}")
        return value

    def _arithmetic(self, apply: Callable[[Any, Any], Any], left: ast.expr, right: ast.expr) -> Compiled:
        a, b = self._of("number", left), self._of("number", right)
        return "number", lambda columns: apply(_exact(a(columns)), _exact(b(columns)))

    def _junction(self, every: bool, parts: Sequence[ast.expr]) -> Compiled:
        values = [self._of("truth", part) for part in parts]
        if every:
            return self._all(values)
        return "truth", lambda columns: _reduced(np.logical_or, [value(columns) for value in values])

    def _all(self, values: Sequence[Callable[[Columns], Any]]) -> Compiled:
        return "truth", lambda columns: _reduced(np.logical_and, [value(columns) for value in values])

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Callable[[Columns], Any]:
        if isinstance(op, ast.In | ast.NotIn):
            return self._membership(left, right, isinstance(op, ast.In))
        kind, a = self._compile(left)
        if type(op) in _ORDER:
            a, b, apply = self._of("number", left), self._of("number", right), _ORDER[type(op)]
        elif type(op) in _EQUALITY:
            b, apply = self._of(kind, right), _EQUALITY[type(op)]
            self._texts_exist(left, right)
            self._texts_exist(right, left)
        else:
            raise ValueError("it has 'is'")
        return lambda columns: apply(a(columns), b(columns))

    def _membership(self, left: ast.expr, right: ast.expr, wanted: bool) -> Callable[[Columns], Any]:
        if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
            raise ValueError("'in' needs a list")
        same = [self._comparison(left, ast.Eq(), element) for element in right.elts]
        return lambda columns: _reduced(np.logical_or, [one(columns) for one in same]) == wanted

    def _texts_exist(self, name: ast.expr, text: ast.expr) -> None:
        if not (self._check_texts and isinstance(name, ast.Name) and isinstance(text, ast.Constant)):
            return
        values = self._known[name.id].values if name.id in self._known else ()
        if isinstance(text.value, str) and text.value not in values:
            hint = did_you_mean(text.value, values) or f" It has {listed(values)}."
            raise SpaceError(f"{self.text!r}: {name.id} is never {text.value!r}.{hint}")


def _kind_of(parameter: Parameter) -> Kind:
    if all(isinstance(value, bool) for value in parameter.values):
        return "truth"
    return "text" if any(isinstance(value, str) for value in parameter.values) else "number"


def _exact(value: Any) -> Any:
    """Numbers as float64: whole ones are exact to 2**53, and nothing wraps around."""
    return np.asarray(value, dtype=np.float64)


def _reduced(join: Any, values: Sequence[Any]) -> Any:
    found = values[0]
    for value in values[1:]:
        found = join(found, value)
    return found
