"""Expressions are bounded, and hold no code, before SymPy and Brian2 read them."""

import time

import pytest

import spikefa as fa
from spikefa.core.expression_checks import MAX_LENGTH, check_equations, check_expression, check_statements
from spikefa.errors import ArgumentError, EquationError

#: What takes for ever, or fails deep inside, when it is written out.
LARGE = [
    "9**9**9**9 * s",
    "10**(10**8)",
    "10**(-10**8)",
    "(a + b + c + 1)**300",
    "(a + b + c + 1)**(x + 300)",
    "1 / (a + b + c + 1)**300",
    "exp(300 * log(a + b + c + d))",
    "e**(300 * log(a + b + c + d))",
    "abs(a + b + c)**300",
    "cos((a + b + c + 1)**300)",
    "((((a + b)**4 + c)**4 + d)**4 + e)**4",
    "(2 * x)**5000",
    "((2 * x)**1000)**1000",
    "floor(exp(10**9))",
    "exp(exp(exp(10))) > 3",
    "9" * 1300,
    "1e999",
    "sin(" * 150 + "x" + ")" * 150,
    "-" * 5000 + "x",
    "+".join(["x"] * 5000),
    "x" * (MAX_LENGTH + 1),
]

#: What may be wanted, and must be read.
SENSIBLE = [
    "-eta * delta_post * psi_post * s_pre - gamma * W",
    "exp(-(v + 65 * mV) / (10 * mV))",
    "exp((25 - v) / 0.001)",
    "(1 + x)**(y / 0.001)",
    "x**2.5 + 2**0.5 + x**-3",
    "int(rand() < p and not_refractory) or not c",
    "True and x >= 3",
    "(a + b) * (c + d) * (e + f) * (g + h)",
    "+".join(["x * y"] * 100),
    "x % 2 // 3",
    "+x",
    "1e-300 * x",
]

#: Python that is no expression of names, numbers, operators and calls.
CODE = [
    "__import__('os').system('x')",
    "'x' * s",
    "v.__class__",
    "v.real",
    "[x for x in y]",
    "(x for x in y)",
    "lambda: 1",
    "(x := 1)",
    "f'{x}'",
    "x[0]",
    "f(x)(y)",
    "f(x=1)",
    "f(*x)",
    "1 if x else 0",
    "{1: 2}",
    "1j",
    "None",
    "x @ y",
    "x ^ y",
    "x is y",
    "__builtins__",
    "await x",
    "...",
]


@pytest.mark.parametrize("text", LARGE, ids=lambda text: text[:30])
def test_what_would_be_too_large_is_refused_at_once(text):
    began = time.perf_counter()
    with pytest.raises(EquationError, match=r"^Rule: right side must .*, got ") as refused:
        check_expression("Rule", "right side", text)
    assert time.perf_counter() - began < 1
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("text", CODE)
def test_code_is_refused(text):
    with pytest.raises(EquationError, match=r"^Rule: right side must .*, got "):
        check_expression("Rule", "right side", text)


@pytest.mark.parametrize("text", SENSIBLE, ids=lambda text: text[:30])
def test_sensible_expressions_are_read(text):
    check_expression("Rule", "right side", text)


def test_a_word_of_python_is_named():
    with pytest.raises(EquationError, match=r"can read \('lambda' is a word of Python's\), got 'lambda \* x'"):
        check_expression("Rule", "right side", "lambda * x")


@pytest.mark.parametrize("text", [2.5, None, b"x", ["x"]])
def test_what_is_no_text_is_refused(text):
    for check in (check_statements, check_expression):
        with pytest.raises(ArgumentError, match=r"^Layer 'h1': emit must be a text, got "):
            check("Layer 'h1'", "emit", text)
    with pytest.raises(ArgumentError, match=r"^Layer 'h1': equations must be a text, got "):
        check_equations("Layer 'h1'", text)


@pytest.mark.parametrize("statements", ["s = 9**9**9", "s = 1; v += 9**9**9", "\n  s = 1\n  v **= 9**9**9  # tower"])
def test_each_statement_is_checked(statements):
    with pytest.raises(EquationError, match=r"^Layer 'h1': emit must have numbers in the range of floats"):
        check_statements("Layer 'h1'", "emit", statements)


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        ("dv/dt = (9**9**9 - v) / ms : 1", "the equation of 'v' must have numbers in the range of floats"),
        ("v = a +\n   9**9**9 : 1\na : 1", "the equation of 'v' must have numbers in the range of floats"),
        ("v = 'x' * a : 1\na : 1", "the equation of 'v' must have no constants but numbers"),
        ("v : 9**9**9", "equations must have units such as volt/second, got"),
        ("v : volt.dim", "equations must have units such as volt/second, got"),
        ("a = b : 1\nb = a : 1", "equations: .* contain a cycle"),
    ],
)
def test_equations_are_checked_before_brian2_reads_them(equations, message):
    with pytest.raises(EquationError, match=f"^Layer 'h1': {message}"):
        check_equations("Layer 'h1'", equations)


def test_subexpressions_count_as_what_they_stand_for():
    lines = [f"b{i} = sin(b{i - 1}) + cos(b{i - 1}) : 1" for i in range(1, 40)]
    with pytest.raises(EquationError, match=r"'b\d+' must have at most 1000 terms when it is written out"):
        check_equations("Layer 'h1'", "\n".join(["b0 : 1", *lines]))


def test_equations_of_every_kind_are_read():
    text = "dv/dt = -v / tau + k : volt (unless refractory)  # a : b*c\nk = m * h / (2 * ms) : volt * second**-1\n"
    assert check_equations("Layer 'h1'", text + "m : volt\nh : 1 (constant)\nq : boolean").names == set("vkmhq")


#: Where a text of the user's stands: a function that states it.
PLACES = {
    "subexpression": lambda text: _layer(equations=f"v = {text} : 1\nI : 1\ns : 1"),
    "differential equation": lambda text: _layer(equations=f"dv/dt = ({text}) / ms : 1\nI : 1\ns : 1"),
    "unit": lambda text: _layer(equations=f"v : {text}\nI : 1\ns : 1"),
    "emit": lambda text: _layer(emit=f"s = {text}"),
    "receive": lambda text: _layer(receive=f"I = {text}"),
    "threshold": lambda text: _layer(emit="", threshold=text),
    "reset": lambda text: _layer(emit="", threshold="v > 1", reset=f"I = {text}"),
    "refractory": lambda text: _layer(emit="s = int(not_refractory)", threshold="v > 1", refractory=text),
    "value of a variable": lambda text: setattr(_layer(), "I", text),
    "run_regularly": lambda text: _layer().run_regularly(f"I = {text}"),
    "namespace": lambda text: _layer(namespace={"tau": text}),
    "name in a namespace": lambda text: _layer(namespace={text: 1}),
    "rule": lambda text: fa.Plasticity(f"dW = s_pre * ({text})"),
    "constant of a rule": lambda text: fa.Plasticity("dW = s_pre", {"eta": text}),
    "name of a constant": lambda text: fa.Plasticity("dW = s_pre", {text: 1}),
}


def _layer(equations="v = I : 1\nI : 1\ns : 1", emit="s = v", threshold=None, **options):
    net = fa.Network(target="numpy")
    return fa.Layer(net, "h1", 2, equations, emit=emit, threshold=threshold, **options)


@pytest.mark.parametrize("place", PLACES)
def test_no_text_runs_as_python(place, tmp_path):
    mark = tmp_path / "mark"
    act = f"open({str(mark)!r}, 'w')"
    texts = [act, f"__import__('pathlib').Path({str(mark)!r}).touch()", f"({act} and v)", f"(lambda: {act})()"]
    texts += [f"[{act} for _ in '1'][0]", f"f'{{{act}}}'", f"(v := {act})", f'"{act}" * v', f"eval({act!r})"]
    for text in [*texts, "v.__class__", "__builtins__", "9**9**9**9", "(v + I + s + 1)**300"]:
        with pytest.raises(fa.SpikefaError):
            PLACES[place](text)
    assert not mark.exists()
