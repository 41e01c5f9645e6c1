"""Exponential, expm1, tanh and logistic that LLVM vectorises.

numba's wheels come without a vector library, so that ``np.exp`` in a loop is one scalar call an element. Here
the functions are polynomials without a branch, in float32 or float64 as the argument is, and a loop around
them runs at vector speed. Maximal errors, in units in the last place of the result (the tests measure them
over the whole range):

========  =======  =======
function  float32  float64
========  =======  =======
exp       1.5      1.5
expm1     4        4
tanh      4        4
logistic  3        3
========  =======  =======

Infinities, NaN, overflow and underflow (to denormals, where these are not flushed) are as in ``numpy``; of
``logistic`` only normal results carry the bound.
"""

import numpy as np
from numba import njit, types
from numba.extending import overload

__all__ = ["exp", "expm1", "logistic", "tanh"]


class _Format:
    """Constants of one floating-point format.

    Write x = n ln 2 + r with integer n and |r| <= ln(2)/2. Then exp(x) = 2**n (1 + e) with
    e = exp(r) - 1 = r + r**2 q(r), where q is a polynomial (interpolated at Chebyshev nodes).
    """

    def __init__(self, real, integer, bits, limits, one_from, ln2, coefficients):
        self.real, self.integer = real, integer
        # 1.5 * 2**bits: adding it leaves the rounded number in the lowest bits of the mantissa.
        self.magic = real(1.5 * 2.0**bits)
        self.magic_bits = integer(np.array(self.magic).view(integer))
        self.shift = integer(bits)
        self.bias = integer((1 << (np.dtype(real).itemsize * 8 - 2 - bits)) - 1)
        # Below and above, exp is 0 or inf; up to `normal` it is 2**n times a number near 1 with 2**n
        # finite; from `one_from` on, tanh is 1.
        self.lowest, self.highest, self.normal = map(real, limits)
        self.one_from = real(one_from)
        self.per_ln2 = real(1.4426950408889634)
        # The upper part has trailing zeros, so that its product with n is exact.
        self.ln2_high, self.ln2_low = map(real, ln2)
        self.coefficients = tuple(map(real, coefficients))


_FORMATS = {
    types.float32: _Format(
        np.float32,
        np.int32,
        23,
        (-104.0, 89.0, 88.0),
        10.0,
        (0.693359375, -2.12194440e-4),
        (1.3926183587713494542e-3, 8.3631790527225773704e-3, 4.1666554617204574203e-2, 1.6666576989698775683e-1, 0.5),
    ),
    types.float64: _Format(
        np.float64,
        np.int64,
        52,
        (-746.0, 710.0, 709.0),
        20.0,
        (6.93147180369123816490e-1, 1.90821492927058770002e-10),
        (
            2.0914686968086877233e-9,
            2.5105217004720745164e-8,
            2.7557273643110295328e-7,
            2.755725540020642443e-6,
            2.4801587325547741216e-5,
            1.9841269874820625271e-4,
            1.3888888888883748305e-3,
            8.3333333333261351258e-3,
            4.1666666666669755e-2,
            1.6666666666666670991e-1,
            0.5,
        ),
    ),
}


def _functions(form):
    """Build exp, tanh and logistic of one format."""
    real, integer = form.real, form.integer
    magic, magic_bits, shift, bias = form.magic, form.magic_bits, form.shift, form.bias
    lowest, highest, normal, one_from = form.lowest, form.highest, form.normal, form.one_from
    per_ln2, ln2_high, ln2_low, coefficients = form.per_ln2, form.ln2_high, form.ln2_low, form.coefficients
    one, two, sign_bit = real(1.0), real(2.0), integer(np.iinfo(integer).min)

    @njit(forceinline=True)
    def reduce(x):
        """Return n and exp(r) - 1."""
        rounded = real(x * per_ln2 + magic)
        n = integer(rounded.view(integer) - magic_bits)  # numba's sums of 32-bit integers have 64
        k = rounded - magic
        r = (x - k * ln2_high) - k * ln2_low
        q = coefficients[0]
        for c in coefficients[1:]:
            q = q * r + c
        return n, r + r * r * q

    @njit(forceinline=True)
    def power(n):
        return integer((n + bias) << shift).view(real)

    @njit(forceinline=True)
    def exp(x):
        # Compared in this order, NaN passes through.
        x = lowest if x < lowest else x
        x = highest if x > highest else x
        n, e = reduce(x)
        # In two steps, as 2**n alone would overflow one binade early and has no denormals.
        first = integer(n >> integer(1))
        return (one + e) * power(first) * power(integer(n - first))

    @njit(forceinline=True)
    def expm1_within(x):
        """Return exp(x) - 1 where 2**n is a normal number; no digits are lost near 0, where n = 0."""
        n, e = reduce(x)
        p = power(n)
        return p * e + (p - one)

    @njit(forceinline=True)
    def expm1(x):
        y = -two * one_from if x < -two * one_from else x  # -1 from here on
        y = normal if y > normal else y
        return exp(x) if x > normal else expm1_within(y)

    @njit(forceinline=True)
    def tanh(x):
        bits = real(x).view(integer)
        y = integer(bits & ~sign_bit).view(real)
        m = expm1_within(two * (one_from if y > one_from else y))
        t = real(m / (m + two))
        return integer(t.view(integer) | (bits & sign_bit)).view(real)

    @njit(forceinline=True)
    def logistic(x):
        return one / (one + exp(-x))

    return {"exp": exp, "expm1": expm1, "tanh": tanh, "logistic": logistic}


_IMPLEMENTATIONS = {form: _functions(constants) for form, constants in _FORMATS.items()}


def _by_type(name):
    """Return a compiled function of one argument that chooses the implementation by its type."""

    def stub(x):
        raise NotImplementedError

    @overload(stub, jit_options={"forceinline": True})
    def choose(x):
        f = _IMPLEMENTATIONS.get(x, _IMPLEMENTATIONS[types.float64])[name]
        return lambda x: f(x)

    return njit(forceinline=True)(lambda x: stub(x))


#: Exponential of a float32 or float64 number, for use in compiled code.
exp = _by_type("exp")
#: exp(x) - 1, exact near 0.
expm1 = _by_type("expm1")
#: Hyperbolic tangent.
tanh = _by_type("tanh")
#: 1 / (1 + exp(-x)).
logistic = _by_type("logistic")
