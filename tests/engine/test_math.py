"""Errors of the vectorised functions over their whole range, in units in the last place."""

import numpy as np
import pytest
from numba import njit

from spikefa.engine.brian2_target import intrinsics
from spikefa.engine.kernels import math


def over_arrays(function):
    @njit(error_model="numpy")
    def run(x, y):
        for k in range(x.size):
            y[k] = function(x[k])

    def call(x):
        y = np.empty_like(x)
        run(x, y)
        return y

    return call


CALLS = {name: over_arrays(getattr(math, name)) for name in math.__all__}
EXACT = {"exp": np.exp, "expm1": np.expm1, "tanh": np.tanh, "logistic": lambda x: 1 / (1 + np.exp(-x))}
#: As stated in the module's docstring.
BOUND = {"exp": 1.5, "expm1": 4, "tanh": 4, "logistic": 3}


def all_float32(stride=389):
    """Every 389th bit pattern: 11 million numbers of all exponents and both signs."""
    return np.arange(0, 2**32, stride, dtype=np.uint64).astype(np.uint32).view(np.float32)


def many_float64():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**64, 200_000, dtype=np.uint64).view(np.float64)
    ranges = [rng.uniform(-750, 750, 400_000), rng.normal(0, 3, 400_000), rng.normal(0, 0.1, 400_000)]
    exponents = np.ldexp(rng.uniform(-1, 1, 100_000), rng.integers(-1074, 11, 100_000))
    return np.concatenate([bits, *ranges, exponents])


def errors(name, x):
    """Error in ulp where the exact result is normal, absolute error in denormal steps elsewhere."""
    wide = np.float64 if x.dtype == np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(wide))
        rounded = exact.astype(x.dtype)
        finite = np.isfinite(rounded)
        y = CALLS[name](x)
        assert np.array_equal(np.isnan(y), np.isnan(x))
        assert np.array_equal(y[np.isinf(rounded)], rounded[np.isinf(rounded)])
        ulp = np.spacing(np.abs(rounded[finite])).astype(wide)
        error = np.abs(y[finite].astype(wide) - exact[finite]) / ulp
    normal = np.abs(rounded[finite]) >= np.finfo(x.dtype).tiny
    return error[normal], error[~normal]


extended = pytest.mark.skipif(np.finfo(np.longdouble).nmant <= 52, reason="needs a long double wider than float64")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(all_float32, id="f4"),
        pytest.param(lambda: all_float32(97), id="f4, four times as many", marks=pytest.mark.slow),
        pytest.param(many_float64, id="f8", marks=extended),
    ],
)
def test_error_over_the_whole_range(name, numbers):
    normal, denormal = errors(name, numbers())
    assert normal.max() <= BOUND[name]
    # Denormal results too, save the logistic's (1/inf is 0).
    assert name == "logistic" or denormal.max(initial=0) <= 1


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_special_values(dtype):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e4, -1e4], dtype)
    np.testing.assert_array_equal(CALLS["exp"](x), np.array([np.nan, np.inf, 0, 1, 1, np.inf, 0], dtype))
    np.testing.assert_array_equal(CALLS["expm1"](x), np.array([np.nan, np.inf, -1, 0, 0, np.inf, -1], dtype))
    np.testing.assert_array_equal(CALLS["tanh"](x), np.array([np.nan, 1, -1, 0, -0.0, 1, -1], dtype))
    np.testing.assert_array_equal(CALLS["logistic"](x), np.array([np.nan, 1, 0, 0.5, 0.5, 1, 0], dtype))
    assert np.signbit(CALLS["tanh"](x)[4]) and not np.signbit(CALLS["tanh"](x)[3])


def test_a_wrong_coefficient_is_seen():
    x = np.linspace(-5, 5, 10_001, dtype="f4")
    normal, _ = errors("exp", x * np.float32(1 + 1e-6))
    assert normal.max() <= BOUND["exp"]
    wrong = CALLS["exp"](x * np.float32(1 + 1e-6))
    assert np.max(np.abs(wrong - np.exp(x.astype("f8"))) / np.spacing(np.exp(x))) > BOUND["exp"]


def test_result_has_the_type_of_the_argument():
    for name in math.__all__:
        f = getattr(math, name)
        for x in (np.float32(0.5), np.float64(0.5)):
            assert njit(lambda a, f=f: np.full(1, f(a)))(x).dtype == x.dtype


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_other_functions_of_a_kernel(dtype):
    x = np.array([np.nan, -np.inf, -2.5, -0.0, 0.0, 1e-20, 0.3, 2.5, 800, np.inf], dtype)
    np.testing.assert_array_equal(over_arrays(intrinsics.sign)(x), np.sign(x))
    limit = njit(lambda x: intrinsics.clip(x, -1.0, 2.0))
    np.testing.assert_array_equal(over_arrays(limit)(x), np.clip(x, -1, 2))
    with np.errstate(all="ignore"):
        exact = np.where(x == 0, 1, np.expm1(x.astype("f8")) / x).astype(dtype)
    np.testing.assert_allclose(over_arrays(intrinsics.exprel)(x)[1:-1], exact[1:-1], rtol=1e-6)
    assert over_arrays(intrinsics.exprel)(x)[-1] == np.inf
