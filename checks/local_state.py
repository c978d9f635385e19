"""The local state of a suspended coroutine, as a hashable key. The one module that knows CPython's frames.

The key is, down the chain of awaits, the code, the position in it, and the live locals. Two things would make a simpler
key wrong. A local that is overwritten before it is read only multiplies states, so liveness is computed over the
bytecode. A value that lies on the evaluation stack over an await (the iterator of a for loop, the left side of
`await a + await b`, a with block) is in no local at all, and two different states would share a key: such a text is
refused with its file and line. Known to work on CPython 3.11, 3.12 and 3.13; the tests run an oracle on each.
"""

import dis
import re
import sys
from collections.abc import Callable, Hashable, Sequence
from enum import Enum
from types import CodeType
from typing import Any, cast

SUPPORTED = ((3, 11), (3, 12), (3, 13))
_STOPS = frozenset({"RETURN_VALUE", "RAISE_VARARGS", "RERAISE", "RETURN_CONST"})
_FROZEN = (int, str, bytes, tuple, frozenset, type(None), Enum)


class HiddenStateError(TypeError):
    """A text whose local states cannot be told apart from outside, with its file and line."""


async def _one_await(x: Any) -> None:
    await x


def _locals_touched(i: dis.Instruction) -> list[tuple[str, str]]:
    """(LOAD, STORE or DELETE, local), in order. From 3.13 on one instruction may touch two."""
    if "FAST" not in i.opname:
        return []
    parts = re.findall("(LOAD|STORE|DELETE)_FAST", i.opname)
    argval: Any = i.argval
    names = cast("tuple[str, ...]", argval if isinstance(argval, tuple) else (argval,))
    if not parts or len(parts) != len(names):
        raise NotImplementedError(f"the bytecode {i.opname} of Python {sys.version_info[:2]} is new to local_state.py")
    return list(zip(parts, names, strict=True))


def _successors(code: list[dis.Instruction]) -> list[list[tuple[int, bool]]]:
    """For every instruction: where control goes next, and whether by a jump."""
    at = {i.offset: n for n, i in enumerate(code)}
    follow: list[list[tuple[int, bool]]] = []
    for n, i in enumerate(code):
        jumps = i.opcode in dis.hasjrel or i.opcode in dis.hasjabs
        to = [(at[i.argval], True)] if jumps else []
        always = i.opname.startswith("JUMP") and "_IF_" not in i.opname
        if i.opname not in _STOPS and not always and n + 1 < len(code):
            to.append((n + 1, False))
        follow.append(to)
    return follow


def _depths(code: list[dis.Instruction], follow: list[list[tuple[int, bool]]]) -> dict[int, int]:
    """The depth of the evaluation stack before each instruction that is reached without an exception."""
    depth, todo = {0: 0}, [0]
    while todo:
        n = todo.pop()
        i = code[n]
        for m, jumped in follow[n]:
            arg = i.arg if i.opcode >= dis.HAVE_ARGUMENT else None
            d = depth[n] + dis.stack_effect(i.opcode, arg, jump=jumped)
            if m not in depth:
                depth[m] = d
                todo.append(m)
    return depth


def _live_after(
    code: list[dis.Instruction], follow: list[list[tuple[int, bool]]], table: list[Any]
) -> list[frozenset[str]]:
    """The locals that may be read after each instruction."""
    none: frozenset[str] = frozenset()
    live, after = [none] * len(code), [none] * len(code)
    changed = True
    while changed:
        changed = False
        for n in range(len(code) - 1, -1, -1):
            after[n] = none.union(*(live[m] for m, _ in follow[n]))
            new = after[n]
            for part, name in reversed(_locals_touched(code[n])):
                new = new | {name} if part == "LOAD" else new - {name}
            if new != live[n]:
                live[n], changed = new, True
    at = {i.offset: n for n, i in enumerate(code)}
    for entry in table:  # whatever a handler may read is live in all that it covers
        for n, i in enumerate(code):
            if entry.start <= i.offset < entry.end:
                after[n] |= live[at[entry.target]]
    return after


def _instructions(code: CodeType) -> list[dis.Instruction]:
    return list(dis.get_instructions(code))


def _stack_at_awaits(code: CodeType) -> dict[int, int]:
    """Offset of each await -> depth of the evaluation stack there; -1 inside an exception handler."""
    instructions = _instructions(code)
    depth = _depths(instructions, _successors(instructions))
    return {i.offset: depth.get(n, -1) for n, i in enumerate(instructions) if i.opname == "YIELD_VALUE"}


_PLAIN_DEPTH = next(iter(_stack_at_awaits(_one_await.__code__).values()))
_live: dict[CodeType, dict[int, frozenset[str]]] = {}


def _analysed(code: CodeType) -> dict[int, frozenset[str]]:
    """Offset -> live locals. Refuses a text that hides state."""
    if code in _live:
        return _live[code]
    if code.co_freevars or code.co_cellvars:
        raise HiddenStateError(f"{code.co_filename}:{code.co_firstlineno}: {code.co_name} {has_closure(code)}")
    for offset, depth in _stack_at_awaits(code).items():
        if depth != _PLAIN_DEPTH:
            line = next(line for start, end, line in code.co_lines() if start <= offset < end)
            raise HiddenStateError(
                f"{code.co_filename}:{line}: {code.co_name}: a value is on the evaluation stack across this await "
                "(for loop, with block, handler, or an await inside an expression); put it in a local"
            )
    instructions = _instructions(code)
    parse: Callable[[CodeType], list[Any]] = vars(dis)["_parse_exception_table"]  # there is no public way
    table = parse(code) if code.co_exceptiontable else []
    after = _live_after(instructions, _successors(instructions), table)
    _live[code] = {i.offset: after[n] for n, i in enumerate(instructions)}
    return _live[code]


def has_closure(code: CodeType) -> str:
    """What is wrong with a code that has a closure, and what to do: super() is the likeliest to make one."""
    if "__class__" not in code.co_freevars:
        return "has a closure; give what it needs as arguments"
    return (
        f"has a closure, as super() makes one: call Runtime.{code.co_name}(self, ...) instead (or whatever class it "
        "derives from), and give what else it needs as arguments"
    )


def refuse_hidden_state(code: CodeType) -> None:
    """Look at a text without running it.

    Raises:
        HiddenStateError: it keeps state where `local_state` cannot see it.

    """
    _analysed(code)


def _is_frozen(kind: type[Any]) -> bool:
    """Whether values of this type cannot change."""
    params: Any = getattr(kind, "__dataclass_params__", None)
    return issubclass(kind, _FROZEN) or (params is not None and bool(params.frozen))


_frozen_kinds: dict[type[Any], bool] = {}


def _value_key(code: CodeType, name: str, value: Any) -> Hashable:
    """A local's value with its type, as True == 1 and frozen values of different kinds must not meet."""
    kind: Any = value.__class__
    frozen = _frozen_kinds.get(kind)
    if frozen is None:
        frozen = _frozen_kinds[kind] = _is_frozen(kind)
    if frozen:
        return name, kind, cast("Hashable", value)
    if getattr(value, "_frozen", False):
        return name, id(value)
    raise HiddenStateError(
        f"{code.co_filename}:{code.co_firstlineno}: {code.co_name}: local {name} is a {kind.__name__}, "
        "which can change; locals are numbers, handles and tuples"
    )


Link = tuple[Any, Any, Hashable]
"""A coroutine of the chain, what it awaits, and the key of its frame: valid as long as it awaits the same object."""


def place_of(link: Link) -> tuple[str, str]:
    """The file and the name of the function of a coroutine in a chain."""
    code = link[0].cr_code
    return code.co_filename, code.co_name


def chain_of(coroutine: Any, known: Sequence[Link] = (), *, liveness: bool = True) -> list[Link]:
    """The chain of awaits of a suspended coroutine, outermost first.

    known: the chain at an earlier moment. A coroutine that still awaits the same object has not run since, so its key
    is taken from there.

    Raises:
        HiddenStateError: the text keeps state where it cannot be seen.

    """
    chain: list[Link] = []
    place = 0
    while getattr(coroutine, "cr_frame", None) is not None:
        awaited = coroutine.cr_await
        if place < len(known) and known[place][0] is coroutine and known[place][1] is awaited:
            chain.append(known[place])
        else:
            chain.append((coroutine, awaited, _frame_key(coroutine.cr_frame, liveness=liveness)))
        coroutine = awaited
        place += 1
    return chain


def _frame_key(frame: Any, *, liveness: bool) -> Hashable:
    code, values = frame.f_code, frame.f_locals
    live = _analysed(code)[frame.f_lasti]
    # In the order of the code's own list: f_locals keeps the order in which locals happened to be bound.
    names = (name for name in code.co_varnames if name in values and (name in live or not liveness))
    return code, frame.f_lasti, tuple([_value_key(code, name, values[name]) for name in names])


def local_state(coroutine: Any, *, liveness: bool = True) -> Hashable:
    """The key of a suspended coroutine. Without liveness, all locals count: more states, same verdicts.

    Raises:
        HiddenStateError: the text keeps state where it cannot be seen.

    """
    return tuple([key for _, _, key in chain_of(coroutine, liveness=liveness)])
