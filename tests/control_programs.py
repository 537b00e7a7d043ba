"""A generator of random Python programs with control flow on tensors, as source text, and their shrinking.

The programs are typed: "f" and "i" are float32 and int32 scalars (or Python numbers), "b" a truth, "v" a float32 vector of 3.
Every program is `make()`, which returns the function to run and its variables; loops end after a few iterations.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

HEADER = '''"""A random program."""
import treadle as tf


class Box:
    def __init__(self, a, n):
        self.a = a
        self.n = n

    def __lt__(self, other):
        if other.n > 3:
            return self.a < other.a
        return self.n < other.n

    def __neg__(self):
        return -self.a if self.a > 0 else self.a * 2.0

    def __enter__(self):
        self.n = (self.n + 1) % 11
        return self.a

    def __exit__(self, kind, error, where):
        print("left", tf.cast(self.a * 0, tf.int32), kind is None)
        self.a = self.a * 0.5 if self.a > 1 else self.a + 0.25

    def grow(self, x):
        if x > self.a:
            self.a = self.a + 0.25
            return x
        self.n = (self.n + 1) % 11
        return self.a


def clip(x):
    return tf.clip_by_value(x, -8.0, 8.0)


def bend(x, y=0.5):
    if x > y:
        return x - y
    elif x < -y:
        return x + y
    return x * y


'''
RETURNS = ("f", "i", "v")


@dataclass
class Node:
    """A statement: its lines, or clauses, each a header and a block."""

    text: str = ""
    clauses: list[tuple[str, list[Node]]] = field(default_factory=list)

    def lines(self, indent: str) -> Iterator[str]:
        if not self.clauses:
            yield from (indent + line for line in self.text.split("\n"))
        for header, block in self.clauses:
            yield indent + header
            yield from source(block, indent + "    ")


def source(block: list[Node], indent: str) -> Iterator[str]:
    if not block:
        yield indent + "pass"
    for node in block:
        yield from node.lines(indent)


def program_text(body: list[Node]) -> str:
    """The module that holds the program."""
    return HEADER + "\n".join(["def make():", "    var = tf.Variable(0.5)", "    count = tf.Variable(2)",
                               "    def run(x, y, n, m, v):", *source(body, " " * 8), "    return run, [var, count]", ""])


def smaller(block: list[Node]) -> Iterator[list[Node]]:
    """The programs that arise from leaving one thing out."""
    for place, node in enumerate(block):
        before, after = block[:place], block[place + 1:]
        yield [*before, *after]
        for _, inner in node.clauses:
            yield [*before, *inner, *after]
        for which, (header, inner) in enumerate(node.clauses):
            rest = node.clauses[:which], node.clauses[which + 1:]
            if which and len(node.clauses) > 1:
                yield [*before, Node(clauses=[*rest[0], *rest[1]]), *after]
            for less in smaller(inner):
                yield [*before, Node(clauses=[*rest[0], (header, less), *rest[1]]), *after]


def shrink(body: list[Node], fails: Callable[[list[Node]], bool]) -> list[Node]:
    """A program that still fails, of which nothing can be left out."""
    while True:
        body_or_none = next((b for b in smaller(body) if fails(b)), None)
        if body_or_none is None:
            return body
        body = body_or_none


@dataclass(frozen=True)
class Place:
    """Where a statement stands."""

    depth: int = 0
    loop: bool = False
    returns: tuple[str, ...] = RETURNS
    finishing: bool = False  # inside `finally`, where what can fail, be printed or leave is drawn in the wide setting only


class Programs:
    """Draws one program."""

    def __init__(self, seed: int, wide: bool = False):
        self.rng, self.wide = random.Random(seed), wide
        self.names: dict[str, list[str]] = {"f": ["x", "y"], "i": ["n", "m"], "b": [], "v": ["v"], "list": [], "dict": [],
                                            "box": [], "function": [], "pair": [], "array": []}
        self.elsewhere: set[str] = set()  # names of functions around, which the current one does not assign
        self.number = 0
        self.budget = self.rng.randrange(6, 22)
        self.quiet = self.rng.random() < 0.6  # raises nothing

    def program(self) -> list[Node]:
        body = [Node(f"{self.fresh('f')} = {self.rng.choice(['0.0', 'x', '1.5', 'y * 0.5'])}"),
                Node(f"{self.fresh('i')} = {self.rng.choice(['0', 'n', '3', 'm % 5'])}")]
        for kind, text in (("list", "[x, y, 0.5]"), ("dict", '{"a": x, "b": y}'), ("box", "Box(x, 0)"), ("pair", "(x, n)"),
                           ("array", "tf.TensorArray(tf.float32, 3, element_shape=()).unstack(v)")):
            if self.rng.random() < 0.4 and (self.wide or kind != "array"):
                body.append(Node(f"{self.fresh(kind)} = {text}"))
        body += self.block(Place(), 3, 9)
        return [*body, self.return_(Place())]

    # --- names ---

    def fresh(self, kind: str) -> str:
        self.number += 1
        made = f"{kind[0]}{self.number}"
        self.names[kind].append(made)
        return made

    def target(self, kind: str, again: float = 0.7) -> str:
        own = [n for n in self.names[kind] if n not in self.elsewhere]
        return self.rng.choice(own) if own and self.rng.random() < again else self.fresh(kind)

    def _inside(self, draw: Callable[[], list[Node]]) -> list[Node]:
        """A block: what it binds first is not read after it."""
        before = {k: list(v) for k, v in self.names.items()}
        made = draw()
        self.names = before
        return made

    # --- expressions ---

    def expr(self, kind: str, depth: int = 2) -> str:
        return getattr(self, f"_{kind}")(depth)

    def _f(self, depth: int) -> str:
        rng, some = self.rng, self.names
        if depth <= 0 or rng.random() < 0.25:
            if rng.random() < 0.15:
                return rng.choice(["0.5", "1.0", "-2.0", "0.25"])
            return rng.choice(some["f"])
        f, i, b, v = (lambda k=k: self.expr(k, depth - 1) for k in "fibv")
        choices = [lambda: f"({f()} + {f()})", lambda: f"({f()} - {f()})", lambda: f"({f()} * {f()})", lambda: f"({f()} * 0.5)",
                   lambda: f"tf.maximum({f()}, {f()})", lambda: f"tf.abs({f()})", lambda: f"(-{f()})",
                   lambda: f"({f()} if {b()} else {f()})", lambda: f"{v()}[{i()} % 3]", lambda: f"tf.reduce_sum({v()})",
                   lambda: f"bend({f()})", lambda: f"bend({f()}, y={f()})",
                   lambda: f"bend(*[{f()}, {f()}])",
                   lambda: "var * 1.0",
                   lambda: f"tf.cast({i()}, tf.float32)", lambda: f"max({f()}, {f()})", lambda: f"({f()} and {f()})",
                   lambda: f"({f()} or {f()})", lambda: f"float({f()})", lambda: f"tf.sin({f()})"]
        if some["list"]:
            a = rng.choice(some["list"])
            choices += [lambda: f"{a}[{rng.randrange(-3, 3)}]", lambda: f"{a}[{i()} % 3]", lambda: f"sum({a})",
                        lambda: f"sum([e * {f()} for e in {a}])", lambda: f"{a}[-1]"]
        if some["dict"]:
            choices.append(lambda: f'{rng.choice(some["dict"])}["{rng.choice("ab")}"]')
        if some["box"]:
            box = rng.choice(some["box"])
            choices += [lambda: f"{box}.a", lambda: f"{box}.grow({f()})"]
            if self.wide:
                choices.append(lambda: f"(-{box})")
        if some["array"]:
            array = rng.choice(some["array"])
            choices += [lambda: f"{array}.read({i()} % 3)", lambda: f"tf.reduce_sum({array}.stack())"]
        if some["pair"]:
            choices.append(lambda: f"{rng.choice(some['pair'])}[0]")
        if some["function"]:
            choices += [lambda: f"{rng.choice(some['function'])}({f()})"] * 3
        return rng.choice(choices)()

    def _i(self, depth: int) -> str:
        rng, some = self.rng, self.names
        if depth <= 0 or rng.random() < 0.3:
            return rng.choice(["1", "2", "7"]) if rng.random() < 0.15 else rng.choice(some["i"])
        f, i, b = (lambda k=k: self.expr(k, depth - 1) for k in "fib")
        choices = [lambda: f"({i()} + {i()})", lambda: f"({i()} - {i()})", lambda: f"({i()} * 2)", lambda: f"({i()} % 5)",
                   lambda: f"({i()} // 2)", lambda: f"abs({i()})", lambda: f"({i()} if {b()} else {i()})", lambda: "count + 0",
                   lambda: f"tf.cast(tf.round({f()}), tf.int32)", lambda: f"min({i()}, {i()})", lambda: f"int({i()})"]
        if some["list"]:
            choices.append(lambda: f"len({rng.choice(some['list'])})")
        if some["box"]:
            choices.append(lambda: f"{rng.choice(some['box'])}.n")
        if some["pair"]:
            choices.append(lambda: f"{rng.choice(some['pair'])}[1]")
        return rng.choice(choices)()

    def _b(self, depth: int) -> str:
        rng = self.rng
        if self.names["b"] and rng.random() < 0.2:
            return rng.choice(self.names["b"])
        f, i, b, v = (lambda k=k: self.expr(k, depth - 1) for k in "fibv")
        compare = lambda: rng.choice(["<", ">", "<=", ">="])
        simple = [lambda: f"{f()} {compare()} {f()}", lambda: f"{i()} {rng.choice(['<', '==', '!=', '>='])} {i()}"]
        if depth <= 0:
            return f"({rng.choice(simple)()})"
        choices = [*simple, *simple, lambda: f"{f()} {compare()} {f()} {compare()} {f()}", lambda: f"{b()} and {b()}",
                   lambda: f"{b()} or {b()}", lambda: f"not {b()}", lambda: f"{i()} in (1, 2)",
                   lambda: f"{i()} not in [0, 5]",
                   lambda: f"tf.reduce_any({v()} > {f()})", lambda: f"{f()} is not None", lambda: f"any([{b()}, {b()}])",
                   lambda: f"all([{b()}, {b()}])", lambda: f"bool({i()} % 2)"]
        if self.names["box"] and self.wide:
            choices.append(lambda: f"{rng.choice(self.names['box'])} < {rng.choice(self.names['box'])}")
        return f"({rng.choice(choices)()})"

    def _v(self, depth: int) -> str:
        if depth <= 0 or self.rng.random() < 0.3:
            return self.rng.choice(self.names["v"])
        f, b, v = (lambda k=k: self.expr(k, depth - 1) for k in "fbv")
        return self.rng.choice([
            lambda: f"({v()} + {v()})", lambda: f"({v()} * {f()})", lambda: f"tf.where({v()} > {f()}, {v()}, {v()})",
            lambda: f"tf.stack([{f()}, {f()}, {f()}])", lambda: f"({v()} if {b()} else {v()})",
            lambda: f"tf.reverse({v()}, [0])",
            lambda: f"tf.stack([e * {f()} for e in tf.unstack({v()})])"])()

    def value(self, kind: str, depth: int = 2) -> str:
        """An expression that stays small."""
        text = self.expr(kind, depth)
        return {"f": f"clip({text})", "i": f"{text} % 11", "v": f"clip({text})", "b": text}[kind]

    # --- statements ---

    def block(self, place: Place, least: int, most: int) -> list[Node]:
        made: list[Node] = []
        for _ in range(self.rng.randrange(least, most + 1)):
            if self.budget <= 0 and made:
                break
            self.budget -= 1
            made += self.statement(place)
        if place.depth and self.rng.random() < 0.25:
            made.append(self.jump(place))
        return made

    def jump(self, place: Place) -> Node:
        if place.finishing:
            return Node("pass")
        kinds = [lambda: self.return_(place)]
        if place.loop:
            kinds += [lambda: Node(self.rng.choice(["break", "continue"]))] * 2
        if not self.quiet:
            kinds.append(lambda: Node(self.rng.choice([f'raise ValueError("stop {self.budget}")',
                                                       f'raise KeyError("{self.expr("i", 0)}")',
                                                       f"raise ValueError(f\"bad {{{self.expr('i', 0)}}}\")"])))
        return self.rng.choice(kinds)()

    def return_(self, place: Place) -> Node:
        values = ", ".join(self.value(k) for k in place.returns)
        return Node(f"return {values}")

    def statement(self, place: Place) -> list[Node]:
        rng = self.rng
        simple = [self.assignment, self.assignment, self.augmented, self.item, self.variable, self.several, self.output]
        compound = [self.if_, self.if_, self.while_, self.for_, self.for_, self.try_, self.local_function]
        if self.wide:
            compound += [self.match_, self.with_]
        if not self.quiet:
            simple.append(self.check)
        draw = rng.choice(compound if place.depth < 4 and self.budget > 0 and rng.random() < 0.55 else simple)
        made = draw(place)
        return made if isinstance(made, list) else [made]

    def assignment(self, place: Place) -> Node:
        kind = self.rng.choice("fffiibv")
        text = self.value(kind, 3)
        if kind == "f" and self.rng.random() < 0.15:
            text = f"({self.target('f')} := {text}) * 0.5"
        return Node(f"{self.target(kind)} = {text}")

    def augmented(self, place: Place) -> Node:
        kind = self.rng.choice("ffiv")
        names = [n for n in self.names[kind] if n not in self.elsewhere]
        if not names:
            return self.assignment(place)
        operator = self.rng.choice(["+=", "-="] if kind == "i" else ["+=", "-=", "*="])
        return Node(f"{self.rng.choice(names)} {operator} {self.value(kind)}")

    def item(self, place: Place) -> Node:
        rng, some = self.rng, self.names
        value = self.value("f")
        choices: list[str] = []
        operator = rng.choice(["=", "+=", "-="])
        if some["list"]:
            a = rng.choice(some["list"])
            index = rng.choice(["0", "-1", "1", f"{self.expr('i', 1)} % 3"])
            choices += [f"{a}[{index}] {operator} {value}", f"{a}.append({value})\n{a}.pop(0)", f"{a}.reverse()",
                        f"{a}[:] = [{value}, {a}[0], {a}[1]]", f"{a}.insert(0, {a}.pop())"]
            if rng.random() < 0.05:
                choices.append(f"{a}.append({value})")
        if some["dict"]:
            choices += [f'{rng.choice(some["dict"])}["{rng.choice("ab")}"] {operator} {value}',
                        f"{rng.choice(some['dict'])}.update(a={value})"]
        if some["box"]:
            box = rng.choice(some["box"])
            choices += [f"{box}.a {operator} {value}", f'setattr({box}, "a", {value})', f"{box}.n = {self.value('i')}",
                        f"{box}.grow({value})"]
        if some["array"] and not self.elsewhere:
            array = rng.choice(some["array"])
            choices += [f"{array} = {array}.write({self.expr('i', 1)} % 3, {value})"] * 3
        return Node(rng.choice(choices)) if choices else self.augmented(place)

    def variable(self, place: Place) -> Node:
        return Node(self.rng.choice([f"var.assign({self.value('f')})", f"var.assign_add({self.value('f')})",
                                     f"count.assign({self.value('i')})"]))

    def several(self, place: Place) -> Node:
        if self.names["pair"] and not self.elsewhere and self.rng.random() < 0.5:
            return Node(f"{self.target('pair', 1.0)} = ({self.value('f')}, {self.value('i')})")
        a, b = self.value("f"), self.value("f")
        return Node(f"{self.target('f')}, {self.target('f')} = {a}, {b}")

    def output(self, place: Place) -> Node:
        if place.finishing:
            return self.assignment(place)
        self.number += 1
        kind = self.rng.choice("ib")
        # `v` is a tensor: what is printed of Python values alone is printed while tracing.
        return Node(f'print("at {self.number}", tf.cast(v[0], tf.int32), {self.value(kind)})')

    def check(self, place: Place) -> Node:
        if place.finishing:
            return self.assignment(place)
        test = self.expr("b", 1)
        return Node(f'assert {test} or {self.expr("b", 1)}, "wrong {self.budget}"')

    def if_(self, place: Place) -> Node:
        test = self.rng.choice([lambda: self.expr("b"), lambda: self.expr("b"), lambda: self.expr("i"),
                                lambda: f"({self.target('f')} := {self.value('f')}) > 0.5"])()
        inner = replace(place, depth=place.depth + 1)
        clauses = [(f"if {test}:", self._inside(lambda: self.block(inner, 1, 3)))]
        while self.rng.random() < 0.2:
            clauses.append((f"elif {self.expr('b')}:", self._inside(lambda: self.block(inner, 1, 2))))
        if self.rng.random() < 0.5:
            clauses.append(("else:", self._inside(lambda: self.block(inner, 1, 3))))
        return Node(clauses=clauses)

    def while_(self, place: Place) -> list[Node]:
        counter = f"k{self.number}"
        self.number += 1
        start = self.rng.choice(["0", "0", "tf.constant(0)", "n % 3"])
        test = self.rng.choice([lambda: f"{counter} < 4 and {self.expr('b')}", lambda: f"{counter} < {self.expr('i')} % 5",
                                lambda: f"{self.expr('b')} and {counter} < 3", lambda: f"{counter} != 4",
                                lambda: f"({self.target('f')} := {self.value('f')}) < 4.0 and {counter} < 3"])()
        step = Node(f"{counter} += 1")

        def body() -> list[Node]:
            return [step, *self.block(replace(place, depth=place.depth + 1, loop=True), 1, 3)]
        return [Node(f"{counter} = {start}"), Node(clauses=[(f"while {test}:", self._inside(body)), *self.orelse(place)])]

    def orelse(self, place: Place) -> list[tuple[str, list[Node]]]:
        if self.rng.random() > 0.2:
            return []
        return [("else:", self._inside(lambda: self.block(replace(place, depth=place.depth + 1), 1, 2)))]

    def for_(self, place: Place) -> Node:
        rng = self.rng
        loops = [(f"range({rng.randrange(1, 4)})", ["i"]), (f"range({self.expr('i')} % 4)", ["i"]),
                 (f"tf.range({self.expr('i')} % 4)", ["i"]), (f"tf.range({rng.randrange(1, 4)})", ["i"]),
                 (self.expr("v"), ["f"]), (f"enumerate({self.expr('v')})", ["i", "f"]),
                 (f"zip({self.expr('v')}, {self.expr('v')})", ["f", "f"]), (f"[{self.expr('f')}, {self.expr('f')}]", ["f"]),
                 (f"range(tf.constant({rng.randrange(0, 4)}))", ["i"]), (f"reversed({self.expr('v')})", ["f"]),
                 (f"range({self.expr('i')} % 4, 0, -1)", ["i"])]
        if self.names["list"]:
            a = rng.choice(self.names["list"])
            loops += [(f"list({a})", ["f"]), (f"enumerate(list({a}))", ["i", "f"]), (f"zip(list({a}), range(2))", ["f", "i"])]
        iterable, kinds = rng.choice(loops)

        def body() -> list[Node]:
            nonlocal targets
            targets = [self.target(k, 0.15) for k in kinds]
            return self.block(replace(place, depth=place.depth + 1, loop=True), 1, 3)
        targets: list[str] = []
        inner = self._inside(body)
        return Node(clauses=[(f"for {', '.join(targets)} in {iterable}:", inner), *self.orelse(place)])

    def try_(self, place: Place) -> Node:
        inner = replace(place, depth=place.depth + 1)
        return Node(clauses=[("try:", self._inside(lambda: self.block(inner, 1, 3))),
                             ("finally:", self._inside(lambda: self.block(replace(inner, finishing=not self.wide), 1, 2)))])

    def with_(self, place: Place) -> Node:
        if not self.names["box"]:
            return self.try_(place)
        inner = replace(place, depth=place.depth + 1)
        box = self.rng.choice(self.names["box"])

        def body() -> list[Node]:
            self.names["f"].append(name)
            return self.block(inner, 1, 3)
        name = f"w{self.number}"
        self.number += 1
        return Node(clauses=[(f"with {box} as {name}:", self._inside(body))])

    def match_(self, place: Place) -> Node:
        inner = replace(place, depth=place.depth + 1)
        block = lambda: self._inside(lambda: self.block(inner, 1, 2))
        cases = [lambda: ("case 0:", block()), lambda: ("case 1 | 2:", block()),
                 lambda: (f"case _ if {self.expr('b', 1)}:", block()),
                 lambda: (f"case {self.target('i', 0.3)} if {self.expr('b', 1)}:", block())]
        clauses = [(case[0], case[1]) for case in (c() for c in self.rng.sample(cases, self.rng.randrange(1, 4)))]
        return Node(clauses=[(f"match {self.value('i')}:", [Node(clauses=[*clauses, ("case _:", block())])])])

    def local_function(self, place: Place) -> list[Node]:
        if self.rng.random() < 0.3:
            body = self.value("f")
            return [Node(f"{self.fresh('function')} = lambda e: {body} + e * 0.5")]
        changed = self.rng.sample([n for n in self.names["f"] + self.names["i"]], self.rng.randrange(0, 3))
        inner = Place(place.depth + 1, False, ("f",))
        parameter = f"e{self.number}"
        self.number += 1

        def body() -> list[Node]:
            self.names["f"].append(parameter)
            return [*self.block(inner, 1, 3), self.return_(inner)]
        before = self.elsewhere
        self.elsewhere = {n for names in self.names.values() for n in names} - set(changed)
        statements = self._inside(body)
        self.elsewhere = before
        declared = [Node(f"nonlocal {', '.join(changed)}")] if changed else []
        return [Node(clauses=[(f"def {self.fresh('function')}({parameter}):", [*declared, *statements])])]
