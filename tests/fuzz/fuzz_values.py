"""Bad values, by a label; each is made anew for each case."""

from pathlib import Path

import numpy as np
from brian2 import amp, ms, mV


class Odd:
    """An object of no use."""

    def __repr__(self):
        return "<odd>"


def _raises(*_):
    raise RuntimeError("of the user's function")


def _foreign(part):
    from fuzz_world import foreign

    return lambda: foreign()[part]


#: Label -> function that makes the value.
BAD = {
    "none": lambda: None,
    "empty text": lambda: "",
    "text": lambda: "x",
    "text with spaces": lambda: "a b",
    "text of a number": lambda: "3",
    "text with a null": lambda: "a\0b",
    "text not ASCII": lambda: "pi\u03c0\u202e",
    "long text": lambda: "x" * 30_000,
    "code": lambda: "__import__('os').system('exit')",
    "power tower": lambda: "9**9**9**9",
    "bomb": lambda: "s = (a + b + c + d)**300",
    "nested": lambda: "(" * 500 + "x" + ")" * 500,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "minus 1": lambda: -1,
    "0": lambda: 0,
    "huge": lambda: 10**30,
    "2**62": lambda: 2**62,
    "1.5": lambda: 1.5,
    "1e308": lambda: 1e308,
    "true": lambda: True,
    "imaginary": lambda: 1j,
    "bytes": lambda: b"x",
    "list": lambda: [],
    "dict": lambda: {},
    "tuple": lambda: (),
    "set": lambda: {1},
    "ragged": lambda: [[1, 2], [3]],
    "dict of numbers": lambda: {1: 2},
    "dict of texts": lambda: {"tau": "9**9**9**9"},
    "object": Odd,
    "class": lambda: int,
    "generator": lambda: (i for i in range(3)),
    "path": lambda: Path("no/such/place"),
    "numpy nan": lambda: np.float32("nan"),
    "numpy 0-d": lambda: np.array(2),
    "wrong shape": lambda: np.zeros((2, 5, 3)),
    "no elements": lambda: np.zeros((0, 4)),
    "nan array": lambda: np.full((4, 3), np.nan),
    "complex array": lambda: np.zeros((4, 3), complex),
    "text array": lambda: np.array(["a", "b"]),
    "object array": lambda: np.array([None, Odd()], object),
    "millivolts": lambda: 3 * mV,
    "array of amperes": lambda: np.ones((4, 3)) * amp,
    "milliseconds": lambda: 3 * ms,
    "minus milliseconds": lambda: -3 * ms,
    "function that raises": lambda: _raises,
    "function of nothing": lambda: lambda: None,
    "function to None": lambda: lambda *a: None,
    "foreign network": _foreign("network"),
    "foreign layer": _foreign("layer"),
    "foreign projection": _foreign("projection"),
}
