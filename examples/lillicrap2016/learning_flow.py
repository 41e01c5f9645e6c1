"""The learning flow of a linear network with one hidden layer: what feedback alignment does, as an equation.

A network ``y = W A x`` learns a linear map T from white inputs. In continuous time, averaged over the inputs, every
pathway is the same flow with another matrix M in the feedback [Lillicrap, Cownden, Tweed & Akerman 2016,
Supp. Notes 11-16]::

    W' = E A^T        A' = M E        E = T - W A
    M = B  alignment     M = W^T  backprop     M = W^+  pseudobackprop

Matrices act on columns, as in the paper: x (n_in,), T (n_out, n_in), W (n_out, n_hidden), A (n_hidden, n_in),
B (n_hidden, n_out). A spikefa `Projection` holds their transposes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp

from spikefa.errors import ArgumentError

__all__ = ["FEEDBACK", "Trajectory", "conserved", "euler_step", "flow", "jacobian", "velocity"]

#: The matrix M (n_hidden, n_out) that carries the error down, as a function of W and B.
FEEDBACK: dict[str, Callable[[np.ndarray, np.ndarray | None], np.ndarray]] = {
    "alignment": lambda W, B: B,
    "backprop": lambda W, B: W.T,
    "pseudobackprop": lambda W, B: np.linalg.pinv(W),
}

Feedback = str | Callable[[np.ndarray, np.ndarray | None], np.ndarray]


@dataclass(frozen=True)
class Trajectory:
    """Weights along the flow; the first axis of each array is the time.

    Parameters
    ----------
    t : ndarray (times,)
    W : ndarray (times, n_out, n_hidden)
    A : ndarray (times, n_hidden, n_in)
    T : ndarray (n_out, n_in)
        The map to learn.
    B : ndarray (n_hidden, n_out) or None
        The fixed feedback, if there is one.
    """

    t: np.ndarray
    W: np.ndarray
    A: np.ndarray
    T: np.ndarray
    B: np.ndarray | None

    @property
    def E(self) -> np.ndarray:
        """The error that is left, T - W A, (times, n_out, n_in)."""
        return self.T - self.W @ self.A

    @property
    def normalized_squared_error(self) -> np.ndarray:
        """Normalised squared error on white inputs, |E|^2 / |T|^2, (times,)."""
        return np.square(self.E).sum(axis=(1, 2)) / np.square(self.T).sum()


def velocity(
    T: np.ndarray, W: np.ndarray, A: np.ndarray, B: np.ndarray | None = None, feedback: Feedback = "alignment"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the update field (W', A') = (E A^T, M E), shapes of W and A.

    Parameters
    ----------
    T, W, A, B : ndarray
        As in the module's docstring; B is needed by ``"alignment"`` alone.
    feedback : str or function of (W, B)
        A name in `FEEDBACK`, or what returns another M (n_hidden, n_out).
    """
    E = T - W @ A
    M = feedback if callable(feedback) else FEEDBACK[feedback]
    return E @ A.T, M(W, B) @ E


def euler_step(
    T: np.ndarray,
    W: np.ndarray,
    A: np.ndarray,
    B: np.ndarray | None = None,
    feedback: Feedback = "alignment",
    *,
    eta: float,
) -> tuple[np.ndarray, np.ndarray]:
    """W and A after one step of batch learning at rate `eta`, which is one Euler step of the flow."""
    dW, dA = velocity(T, W, A, B, feedback)
    return W + eta * dW, A + eta * dA


def flow(
    T: ArrayLike,
    W: ArrayLike,
    A: ArrayLike,
    B: ArrayLike | None = None,
    feedback: Feedback = "alignment",
    *,
    t: ArrayLike,
    frozen: Literal["W", "A"] | None = None,
    rtol: float = 1e-10,
    atol: float = 1e-12,
    max_evaluations: int = 50_000,
) -> Trajectory:
    """Integrate the flow from W and A (`scipy.integrate.solve_ivp`, Dormand-Prince of order 5).

    Parameters
    ----------
    T, W, A, B : array_like
        As in the module's docstring. One example (x, y*) with hidden activity h is the same flow with n_in = 1,
        the columns ``T = y* / |x|`` and ``A = h / |x|``, and time in units of 1 / |x|^2.
    feedback : str or function of (W, B)
        As in `velocity`.
    t : array_like (times,)
        Ascending times to return, the first that of the start.
    frozen : {"W", "A"}, optional
        The matrix that does not learn: of the decoupled dynamics, in which the layers learn in turn [Supp. Note 12].
    rtol, atol : float
        Tolerances of the integrator.
    max_evaluations : int
        How often the update field may be evaluated; the flows of the paper's figures need less than 3000.

    Returns
    -------
    Trajectory

    Raises
    ------
    ArgumentError
        If shapes do not fit, the feedback is unknown or lacks its B, `frozen` names no matrix, or the times do not
        ascend.
    FloatingPointError
        If the integrator gives up or `max_evaluations` do not suffice, as where weights explode.
    """
    T, W, A = (np.array(x, dtype=np.float64) for x in (T, W, A))
    B = None if B is None else np.array(B, dtype=np.float64)
    t = np.asarray(t, dtype=np.float64)
    _check(T, W, A, B, feedback)
    if t.ndim != 1 or len(t) < 2 or not (np.diff(t) > 0).all():
        raise ArgumentError(f"flow: t must be a vector of at least 2 ascending times, got shape {t.shape}")
    if frozen not in (None, "W", "A"):
        raise ArgumentError(f"flow: frozen must be 'W', 'A' or None, got {frozen!r}")

    evaluations = 0

    def derivative(now: float, state: np.ndarray) -> np.ndarray:
        nonlocal evaluations
        evaluations += 1
        # Near a singularity the steps get shorter for very long before they are too short for the integrator.
        if evaluations > max_evaluations:
            raise FloatingPointError(
                f"flow: the integrator stopped at t = {now:g} of {t[-1]:g}: "
                f"max_evaluations, {max_evaluations}, do not suffice"
            )
        if not np.isfinite(state).all():  # of a step that is too long; it has no pseudoinverse
            return np.full_like(state, np.nan)
        W_now, A_now = _unpacked(state, W.shape, A.shape)
        dW, dA = velocity(T, W_now, A_now, B, feedback)
        return np.concatenate([(dW * (frozen != "W")).ravel(), (dA * (frozen != "A")).ravel()])

    start = np.concatenate([W.ravel(), A.ravel()])
    # Not DOP853: near the flow's fixed points its dense output errs by thousands of times the tolerance.
    with np.errstate(over="ignore", invalid="ignore"):
        done = solve_ivp(derivative, (t[0], t[-1]), start, method="RK45", t_eval=t, rtol=rtol, atol=atol)
    if not done.success or not np.isfinite(done.y).all():
        last = done.t[-1] if len(done.t) else t[0]
        raise FloatingPointError(f"flow: the integrator stopped at t = {last:g} of {t[-1]:g}: {done.message}")
    pairs = [_unpacked(state, W.shape, A.shape) for state in done.y.T]
    return Trajectory(done.t, np.array([W for W, _ in pairs]), np.array([A for _, A in pairs]), T, B)


def conserved(W: np.ndarray, A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return the constant of feedback alignment, B W + W^T B^T - A A^T, (..., n_hidden, n_hidden).

    ``(B W)' = B E A^T = A' A^T``, which with its transpose is ``(A A^T)'`` [derived from Supp. Notes 11-16]. Its
    trace says why W aligns with B^T: ``tr(B W)`` grows by half of what ``|A|^2`` grows by.
    """
    BW = B @ W
    return BW + np.swapaxes(BW, -1, -2) - A @ np.swapaxes(A, -1, -2)


def jacobian(
    T: np.ndarray, W: np.ndarray, A: np.ndarray, B: np.ndarray | None = None, feedback: str = "alignment"
) -> np.ndarray:
    """Return derivative of the update field (W', A') by the weights (W, A), each flattened row by row.

    ``d(E A^T) = -dW A A^T - W dA A^T + E dA^T`` and ``d(B E) = -B dW A - B W dA``; backprop adds ``dW^T E``
    to the second, with W^T for B, and is symmetric: minus the Hessian of |E|^2 / 2. That of feedback alignment is
    not [Supp. Notes, eq. 79], so its flow is the gradient of no function.

    Parameters
    ----------
    T, W, A, B : ndarray
    feedback : {"alignment", "backprop"}

    Returns
    -------
    ndarray (W.size + A.size, W.size + A.size)

    Raises
    ------
    ArgumentError
        If the feedback is another one, or shapes do not fit.
    """
    if feedback not in ("alignment", "backprop"):
        raise ArgumentError(f"jacobian: feedback must be 'alignment' or 'backprop', got {feedback!r}")
    _check(T, W, A, B, feedback)
    E, M = T - W @ A, FEEDBACK[feedback](W, B)
    (n_out, n_hidden), n_in = W.shape, A.shape[1]
    WW = -np.kron(np.eye(n_out), A @ A.T)
    WA = -np.kron(W, A) + np.kron(E, np.eye(n_hidden)) @ _transposition(n_hidden, n_in)
    AW = -np.kron(M, A.T)
    AA = -np.kron(M @ W, np.eye(n_in))
    if feedback == "backprop":
        AW += np.kron(np.eye(n_hidden), E.T) @ _transposition(n_out, n_hidden)
    return np.block([[WW, WA], [AW, AA]])


def _transposition(rows: int, columns: int) -> np.ndarray:
    """Return the matrix that takes X (rows, columns), flattened, to X^T, flattened."""
    return np.eye(rows * columns)[np.arange(rows * columns).reshape(rows, columns).T.ravel()]


def _unpacked(state: np.ndarray, W_shape: tuple[int, ...], A_shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    size = W_shape[0] * W_shape[1]
    return state[:size].reshape(W_shape), state[size:].reshape(A_shape)


def _check(T: np.ndarray, W: np.ndarray, A: np.ndarray, B: np.ndarray | None, feedback: Feedback) -> None:
    if not callable(feedback) and feedback not in FEEDBACK:
        raise ArgumentError(f"flow: feedback must be one of {sorted(FEEDBACK)} or a function, got {feedback!r}")
    if T.ndim != 2 or W.ndim != 2 or A.ndim != 2 or W.shape[1] != A.shape[0] or T.shape != (len(W), A.shape[1]):
        raise ArgumentError(
            f"flow: W (n_out, n_hidden), A (n_hidden, n_in) and T (n_out, n_in) must fit, "
            f"got {W.shape}, {A.shape} and {T.shape}"
        )
    if feedback == "alignment" and B is None:
        raise ArgumentError("flow: feedback 'alignment' needs B (n_hidden, n_out), got None")
    if B is not None and B.shape != W.shape[::-1]:
        raise ArgumentError(f"flow: B must be (n_hidden, n_out) = {W.shape[::-1]}, got {B.shape}")
