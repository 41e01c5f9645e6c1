"""The learning flow of a linear network: each theorem about feedback alignment, and the wrong flows that break it.

Every check is a function of a feedback (the matrix M of A' = M E). It has to hold for the true one and to fail for
each planted error: the sign of A' turned, the feedback of another network, backprop in its place.
"""

import numpy as np
import pytest
from flow_networks import learning_flow, network, other_B, wrong_sign
from scipy.integrate import trapezoid
from scipy.linalg import expm

from spikefa.errors import ArgumentError
from spikefa.metrics import angle

conserved, euler_step, flow, jacobian, velocity = (
    getattr(learning_flow, name) for name in ("conserved", "euler_step", "flow", "jacobian", "velocity")
)

TIMES = np.linspace(0, 4, 81)


def of_zero(T, W, A, B):
    return T, np.zeros_like(W), np.zeros_like(A), B


def traces(path):
    """tr(A^T B E) and tr(B W), (times,)."""
    return (path.A * (path.B @ path.E)).sum(axis=(1, 2)), np.trace(path.B @ path.W, axis1=1, axis2=2)


# 1. The constant of motion.


def is_conserved(rng, feedback):
    path = flow(*network(rng), feedback, t=TIMES)
    moved = conserved(path.W, path.A, path.B)
    assert np.abs(path.A[-1] - path.A[0]).max() > 0.1  # a flow that stands still conserves everything
    return np.abs(moved - moved[0]).max() < 1e-8


def test_alignment_conserves_BW_plus_its_transpose_minus_AA(rng):
    assert is_conserved(rng, "alignment")


@pytest.mark.parametrize("wrong", [wrong_sign, other_B, "backprop", "pseudobackprop"])
def test_a_wrong_flow_does_not(rng, wrong):
    """With A' = -B E the first two terms change by minus what the last does."""
    assert not is_conserved(rng, wrong)


def test_half_of_the_growth_of_A_is_alignment(rng):
    """The constant's trace: tr(B W) rises exactly as |A|^2 / 2 does, however it started."""
    path = flow(*network(rng), t=TIMES)
    grown = np.square(path.A).sum(axis=(1, 2)) / 2
    np.testing.assert_allclose(traces(path)[1] - grown, (traces(path)[1] - grown)[0], rtol=0, atol=1e-8)


# 2. |B E| from zero.


def never_rises(start, feedback, t=TIMES):
    path = flow(*start, feedback, t=t)
    size = np.square(path.B @ path.E).sum(axis=(1, 2))
    return np.diff(size).max() <= 1e-9 * size[0]


@pytest.mark.parametrize("seed", range(10))
def test_from_zero_the_feedback_signal_never_rises(seed):
    """d|BE|^2/dt = -2 |B E A^T|^2 - |A^T B E|^2, the second by the constant of motion, 0 from zero weights."""
    start = of_zero(*network(np.random.default_rng(seed)))
    assert never_rises(start, "alignment")
    path = flow(*start, t=TIMES)
    F, A_t = path.B @ path.E, np.swapaxes(path.A, 1, 2)
    slope = -2 * np.square(F @ A_t).sum(axis=(1, 2)) - np.square(A_t @ F).sum(axis=(1, 2))
    rise = np.square(F).sum(axis=(1, 2))
    fine = flow(*start, t=np.concatenate([[0], TIMES[20] + np.array([-1e-4, 1e-4])]))
    measured = np.diff(np.square(fine.B @ fine.E).sum(axis=(1, 2))[1:])[0] / 2e-4
    assert measured == pytest.approx(slope[20], rel=1e-4)
    assert rise[-1] < rise[0]


def test_with_the_sign_of_W_turned_it_rises(rng, monkeypatch):
    """W' = -E A^T drives W A away from T. (A' = -B E is alignment with -B: the same theorem, not an error here.)"""
    start = of_zero(*network(rng))
    assert never_rises(start, wrong_sign)
    right = velocity
    monkeypatch.setattr(learning_flow, "velocity", lambda *a: (-right(*a)[0], right(*a)[1]))
    assert not never_rises(start, "alignment", t=np.linspace(0, 0.5, 11))


def test_from_weights_opposed_to_the_feedback_it_rises(rng):
    T, _, A, B = network(rng)
    assert not never_rises((T, -2 * B.T, A, B), "alignment")


# 3. One pair (x, y*): T is y* as a column, A the hidden activity (n_in = 1).


def stays_on_the_line(rng, feedback, scalars=(0.1, 0.2)):
    y, B = rng.normal(size=(5, 1)), rng.uniform(-0.5, 0.5, (8, 5))
    By = B @ y
    path = flow(y, scalars[0] * y @ By.T, scalars[1] * By, B, feedback, t=TIMES)
    assert path.normalized_squared_error[0] > 0.1
    live = path.normalized_squared_error > 1e-8
    of_W = [angle(W, y @ By.T) for W in path.W]
    of_hidden = [angle(np.linalg.pinv(W) @ E, B @ E) for W, E in zip(path.W[live], path.E[live], strict=True)]
    return path.normalized_squared_error[-1] < 1e-4 and max(of_W) < 1e-4 and max(of_hidden) < 1e-4


@pytest.mark.parametrize("scalars", [(1e-3, 1e-3), (0.1, 0.2), (0.3, 0.01)])
def test_one_pair_keeps_W_parallel_to_the_outer_product(rng, scalars):
    assert stays_on_the_line(rng, "alignment", scalars)


@pytest.mark.parametrize("wrong", [wrong_sign, other_B])
def test_one_pair_leaves_the_line_under_a_wrong_feedback(rng, wrong):
    """With A' = -B E the hidden activity turns round, and W with it: 180 degrees."""
    assert not stays_on_the_line(rng, wrong)


def test_one_pair_of_inconsistent_scalars_turns_round_or_not(rng):
    """W on the wrong side of zero is pulled across it where the hidden activity is on the right side."""
    assert not stays_on_the_line(rng, "alignment", (-0.1, 0.2))


# 4. The Jacobian.


def numerical_jacobian(T, W, A, B, feedback, h=1e-6):
    def field(state):
        W_now, A_now = state[: W.size].reshape(W.shape), state[W.size :].reshape(A.shape)
        return np.concatenate([d.ravel() for d in velocity(T, W_now, A_now, B, feedback)])

    state = np.concatenate([W.ravel(), A.ravel()])
    return np.array([(field(state + h * e) - field(state - h * e)) / (2 * h) for e in np.eye(len(state))]).T


@pytest.mark.parametrize("feedback", ["alignment", "backprop"])
def test_the_jacobian_is_that_of_finite_differences(rng, feedback):
    start = network(rng, (4, 3, 2))
    np.testing.assert_allclose(jacobian(*start, feedback), numerical_jacobian(*start, feedback), rtol=0, atol=1e-8)


def asymmetry(J):
    return np.linalg.norm(J - J.T) / np.linalg.norm(J)


def test_backprop_is_a_gradient_and_alignment_is_not(rng):
    T, W, A, B = network(rng, (4, 3, 2))
    assert asymmetry(jacobian(T, W, A, None, "backprop")) < 1e-12
    assert asymmetry(jacobian(T, W, A, B)) > 0.1
    # A planted error: with the sign of A' turned not even backprop is a gradient.
    assert asymmetry(numerical_jacobian(T, W, A, B, lambda W, B: -W.T)) > 0.1
    # Where B = W^T the fields agree, and still the derivative differs: W moves and B does not.
    assert asymmetry(jacobian(T, W, A, W.T)) > 0.1
    # Unless nothing is left to learn.
    assert asymmetry(jacobian(W @ A, W, A, W.T)) < 1e-12


def test_backprop_is_minus_the_gradient_of_half_the_squared_error(rng):
    T, W, A, _ = network(rng, (4, 3, 2))

    def loss(W, A):
        return np.square(T - W @ A).sum() / 2

    dW, dA = velocity(T, W, A, None, "backprop")
    for which, slope in ((0, dW), (1, dA)):
        for index in np.ndindex(slope.shape):
            h = np.zeros_like((W, A)[which])
            h[index] = 1e-6
            up, down = ((loss(W + s * h, A) if which == 0 else loss(W, A + s * h)) for s in (1, -1))
            assert -(up - down) / 2e-6 == pytest.approx(slope[index], abs=1e-7)


# 5. Pseudobackprop.


def is_gauss_newton(rng, feedback, shape):
    """M e minimises |e - W dh|^2, and is the shortest that does."""
    W, e = rng.normal(size=shape), rng.normal(size=(shape[0], 1))
    W[-1] = W[0]  # not of full rank
    dh = velocity(e, W, np.zeros((shape[1], 1)), np.zeros(shape[::-1]), feedback)[1]
    best = np.linalg.lstsq(W, e, rcond=None)[0]
    stationary = np.abs(W.T @ (e - W @ dh)).max() < 1e-10
    null = np.eye(shape[1]) - np.linalg.pinv(W) @ W
    return stationary and np.abs(null @ dh).max() < 1e-10 and np.abs(dh - best).max() < 1e-10


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 5)])
def test_pseudobackprop_is_the_gauss_newton_step_of_the_hidden_units(rng, shape):
    assert is_gauss_newton(rng, "pseudobackprop", shape)


@pytest.mark.parametrize("wrong", ["backprop", lambda W, B: -np.linalg.pinv(W), lambda W, B: 1.1 * np.linalg.pinv(W)])
def test_other_feedback_is_not(rng, wrong):
    assert not is_gauss_newton(rng, wrong, (4, 7))


# 6. Supplementary Figure 10: one unit each, T = B = 1.


def end_of(W, A, feedback="alignment", t=40.0):
    path = flow([[1.0]], [[W]], [[A]], [[1.0]], feedback, t=[0, t / 2, t])
    return path.W[-1, 0, 0], path.A[-1, 0, 0]


def all_reach_the_positive_branch(starts, feedback="alignment"):
    ends = np.array([end_of(W, A, feedback) for W, A in starts])
    return np.abs(ends.prod(axis=1) - 1).max() < 1e-6 and (ends > 0).all()


def test_one_one_one_from_anywhere_within_the_unit_square():
    """c = 2 W - A^2 stays; A' = 1 - A (A^2 + c) / 2 has but one rest, a positive one, while c > -3."""
    starts = [(W, A) for W in np.linspace(-1, 1, 7) for A in np.linspace(-1, 1, 7)][1:]  # (-1, -1) itself has c = -3
    assert all_reach_the_positive_branch(starts)
    assert not all_reach_the_positive_branch([(0.01, 0.01)], lambda W, B: -B)  # the sign of A' turned
    assert not all_reach_the_positive_branch([(-0.01, -0.01)], "backprop")  # backprop takes either branch


def rests(c):
    """A at the fixed points of the parabola 2 W - A^2 = c, ascending."""
    roots = np.roots([1, 0, c, -2])
    return np.sort(roots[np.abs(roots.imag) < 1e-9].real)


@pytest.mark.parametrize("seed", range(5))
def test_one_one_one_ends_where_the_parabola_says(seed):
    """With c < -3 there are three rests, the middle one repels: W ends negative where A starts below it."""
    rng = np.random.default_rng(seed)
    negative = 0
    for _ in range(8):
        W, A = rng.uniform(-4, 1), rng.uniform(-3, 3)
        at = rests(2 * W - A**2)
        expected = at[-1] if len(at) == 1 or at[1] < A else at[0]
        negative += expected < 0
        assert end_of(W, A) == pytest.approx((1 / expected, expected), abs=1e-5)
    assert 0 < negative < 8


@pytest.mark.parametrize("A", [0.3, 1.0, 4.0, -1.5, -0.7, -0.2])
def test_stability_of_the_fixed_points(A):
    """On W A = 1 one eigenvalue is 0, along the hyperbola, the other -(A^2 + 1/A): negative for A > 0 and A < -1."""
    W, stable = 1 / A, A > 0 or A < -1
    one = np.ones((1, 1))
    eigenvalues = np.sort(np.linalg.eigvals(jacobian(one, W * one, A * one, one)).real)
    assert eigenvalues == pytest.approx(np.sort([0, -(A**2 + 1 / A)]), abs=1e-12)
    assert (eigenvalues[-1] < 1e-9) == stable
    near = end_of(W - 1e-3, A - 1e-3)
    assert (np.abs(np.subtract(near, (W, A))).max() < 0.05) == stable


# 7. Supplementary Figures 11 and 12.


def aligns(start, feedback, after=0.0):
    """tr(A^T B E) > 0 and tr(B W) rises, at every time later than `after` until 1e-6 of the error is left."""
    path = flow(*start, feedback, t=np.linspace(0, 2, 81))
    pull, aligned = traces(path)
    live = (path.t > after) & (path.normalized_squared_error > 1e-6)
    return (pull[live] > 0).all() and (np.diff(aligned)[live[1:]] > 0).all() and path.normalized_squared_error[-1] < 0.5


@pytest.mark.parametrize("sizes", [(30, 20, 10), (100, 50, 20)])
def test_from_zero_and_small_weights_alignment_grows(sizes):
    """From zero weights at all times; small random ones start either way, and need a moment (0.01) to forget it."""
    starts = [network(np.random.default_rng(seed), sizes, w=0.01) for seed in range(20)]
    assert all(aligns(of_zero(*start), "alignment") for start in starts[:10])
    assert all(aligns(start, "alignment", after=0.01) for start in starts)
    at_start = [traces(flow(*start, t=[0, 1e-3]))[0][0] > 0 for start in starts]
    assert 2 < sum(at_start) < 18  # not a theorem at the start: by chance there
    assert not aligns(of_zero(*starts[0]), wrong_sign)


def test_from_opposed_weights_alignment_falls_first(rng):
    """Where the claim does not hold: A opposed to B T. tr(B W) falls, later it rises, and the network learns."""
    T, W, _, B = network(rng, (30, 20, 10), w=0.01)
    path = flow(T, W, -0.1 * B @ T, B, t=np.linspace(0, 10, 201))
    pull, aligned = traces(path)
    assert pull[0] < 0 and aligned.min() < aligned[0] < aligned[-1] and path.normalized_squared_error[-1] < 1e-3


# 8. Supplementary Figure 13.


def hidden_angles(seed, w, left, feedback="alignment"):
    """Angles of B E with W^T E and with W^+ E when the error has fallen to `left`."""
    path = flow(*network(np.random.default_rng(seed), (30, 20, 10), w=w), feedback, t=np.linspace(0, 8, 401))
    k = np.argmax(path.normalized_squared_error < left)
    W, E = path.W[k], path.E[k]
    M = learning_flow.FEEDBACK["alignment"](W, path.B) if feedback == "alignment" else feedback(W, path.B)
    return angle(M @ E, W.T @ E), angle(M @ E, np.linalg.pinv(W) @ E)


@pytest.mark.parametrize("w", [1e-4, 1e-3, 1e-2])
def test_from_small_weights_alignment_comes_closer_to_the_pseudoinverse(w):
    for seed in range(6):
        backprop, pseudo = hidden_angles(seed, w, left=0.01)
        assert pseudo < backprop - 5 and pseudo < 25
        # Early it is the other way round: W has hardly more than one direction to invert.
        backprop, pseudo = hidden_angles(seed, w, left=0.9)
        assert backprop < pseudo - 5


def test_from_large_weights_it_stays_far_from_both(rng):
    """And backprop's own hidden update, planted for B E, is at 0 degrees from backprop and not closer to W^+ E."""
    angles = np.array([hidden_angles(seed, 0.25, left=0.01) for seed in range(6)])
    assert angles[:, 1].min() > 25
    backprop, pseudo = hidden_angles(0, 1e-3, 0.01, feedback=lambda W, B: W.T)
    assert backprop < 1e-4 < pseudo


# 9. Euler steps.


def test_euler_steps_approach_the_flow_as_the_rate_falls(rng):
    """First order: a tenth of the rate, a tenth of the distance."""
    T, W0, A0, B = network(rng)
    exact = flow(T, W0, A0, B, t=[0, 1])
    distance = []
    for steps in (200, 2000):
        W, A = W0, A0
        for _ in range(steps):
            W, A = euler_step(T, W, A, B, eta=1 / steps)
        distance.append(np.abs(W - exact.W[-1]).max())
    assert distance[0] / distance[1] == pytest.approx(10, rel=0.05)


# 10. Theorem 1. The Notes' text is not at hand: its steps, and the lemmas on one pair, are derived here.


def error_left(start, feedback="alignment", t=200.0):
    return flow(*of_zero(*start), feedback, t=[0, t]).normalized_squared_error[-1]


@pytest.mark.parametrize("seed", range(3))
def test_from_zero_all_of_the_error_goes_if_the_feedback_tells_all_outputs_apart(seed):
    T, W, A, B = network(np.random.default_rng(seed))
    np.testing.assert_allclose(np.linalg.pinv(B) @ B, np.eye(5), atol=1e-12)
    assert error_left((T, W, A, B)) < 1e-10


def test_it_stays_if_the_feedback_is_of_a_lower_rank(rng):
    """B^+ B is no identity: A learns nothing that the last output alone needs."""
    T, W, A, B = network(rng)
    B[:, -1] = B[:, 0]
    assert error_left((T, W, A, B)) > 1e-3


def all_that_was_sent_is_spent(start, feedback):
    """|B E|^2 begins at |B T|^2 and ends at 0; what is lost is the integral of 2 |B E A^T|^2 + |A^T B E|^2."""
    t = np.concatenate([[0], np.geomspace(1e-4, 200, 4000)])
    path = flow(*start, feedback, t=t)
    F, A_t = path.B @ path.E, np.swapaxes(path.A, 1, 2)
    lost = 2 * np.square(F @ A_t).sum(axis=(1, 2)) + np.square(A_t @ F).sum(axis=(1, 2))
    first = np.square(path.B @ path.T).sum()
    return np.square(F[-1]).sum() < 1e-8 * first and abs(trapezoid(lost, t) / first - 1) < 1e-3


def test_what_the_feedback_sends_is_spent_on_learning(rng):
    start = of_zero(*network(rng))
    assert all_that_was_sent_is_spent(start, "alignment")
    assert not all_that_was_sent_is_spent(start, other_B)
    assert not all_that_was_sent_is_spent((start[0], *network(rng)[1:]), "alignment")  # not from zero


def follows_the_scalars(rng, feedback):
    """One pair from zero: W = w y (B y)^T and A = a B y with w = a^2 / 2, until w a |B y|^2 = 1."""
    y, B = rng.normal(size=(5, 1)), rng.uniform(-0.5, 0.5, (8, 5))
    By = B @ y
    path = flow(y, np.zeros((5, 8)), np.zeros((8, 1)), B, feedback, t=np.linspace(0, 40, 81))
    size = np.square(By).sum()
    a = (By.T @ path.A)[:, 0, 0] / size
    on_A = np.abs(path.A - a[:, None, None] * By).max() < 1e-8
    on_W = np.abs(path.W - (a**2 / 2)[:, None, None] * (y @ By.T)).max() < 1e-8
    return on_A and on_W and abs(a[-1] - np.cbrt(2 / size)) < 1e-6


def test_one_pair_from_zero_is_a_flow_of_two_scalars(rng):
    assert follows_the_scalars(rng, "alignment")
    assert not follows_the_scalars(rng, wrong_sign)
    assert not follows_the_scalars(rng, other_B)


def test_of_one_pair_the_error_sent_is_that_of_pseudobackprop(rng):
    """W^+ e = B e / (w |B y|^2) [derived; eq. 49 prints the inverse of this scalar]."""
    y, B, w = rng.normal(size=(5, 1)), rng.uniform(-0.5, 0.5, (8, 5)), 0.3
    W, e, size = w * y @ (B @ y).T, 0.7 * y, np.square(B @ y).sum()
    np.testing.assert_allclose(np.linalg.pinv(W) @ e, B @ e / (w * size), atol=1e-12)
    assert np.abs(np.linalg.pinv(W) @ e - B @ e * (w * size)).max() > 0.1  # the printed one


# 11. Supplementary Note 12: the layers learn in turn [derived].


def one_turn_each_gives_the_inverse(start, feedback, turn=2.0):
    """With W = 0, A = t B T; then W = T A^+ (1 - exp(-A A^T t)), which goes to B^+ / t."""
    T, W, A, B = of_zero(*start)
    hidden = flow(T, W, A, B, feedback, t=[0, turn], frozen="W")
    assert not hidden.W[-1].any()
    output = flow(T, W, hidden.A[-1], B, feedback, t=[0, 0.3, 100], frozen="A")
    assert np.array_equal(output.A[0], output.A[-1])
    A = turn * B @ T
    soon = T @ np.linalg.pinv(A) @ (np.eye(8) - expm(-0.3 * A @ A.T))
    of_A = np.abs(hidden.A[-1] - A).max() < 1e-9
    return of_A and np.abs(output.W[1] - soon).max() < 1e-7 and angle(output.W[-1], np.linalg.pinv(B)) < 0.1


def test_hidden_and_then_output_weights_invert_the_feedback(rng):
    start = network(rng)
    assert one_turn_each_gives_the_inverse(start, "alignment")
    assert not one_turn_each_gives_the_inverse(start, wrong_sign)
    assert not one_turn_each_gives_the_inverse(start, other_B)


def test_short_turns_approach_learning_at_once(rng):
    """First order in the length of a turn, each of which gives one matrix all of the time of two."""
    T, W0, A0, B = network(rng)
    exact = flow(T, W0, A0, B, t=[0, 1])
    distance = []
    for turns in (20, 40):
        W, A = W0, A0
        for _ in range(turns):
            for frozen in "WA":
                path = flow(T, W, A, B, t=[0, 1 / turns], frozen=frozen)
                W, A = path.W[-1], path.A[-1]
        distance.append(np.abs(W - exact.W[-1]).max())
    assert distance[0] / distance[1] == pytest.approx(2, rel=0.1)


# 12. Equation 79 with biases: y = W (A x + a) + w, of white inputs x and the target T x + t.


def biased_jacobian(rng, feedback, h=1e-6):
    """By finite differences; the biases are the weights of a unit that is always 1, in both layers."""
    T, W, A, B = network(rng, (4, 3, 2))
    target, V = (np.hstack([M, rng.uniform(-1, 1, (2, 1))]) for M in (T, W))
    C = np.hstack([A, rng.uniform(-1, 1, (3, 1))])

    def field(state):
        V_now, C_now = state[: V.size].reshape(V.shape), state[V.size :].reshape(C.shape)
        X = np.vstack([C_now, np.eye(1, 5, 4)])
        E = target - V_now @ X
        return np.concatenate([(E @ X.T).ravel(), (feedback(V_now[:, :-1], B) @ E).ravel()])

    state = np.concatenate([V.ravel(), C.ravel()])
    return np.array([(field(state + h * e) - field(state - h * e)) / (2 * h) for e in np.eye(len(state))]).T


def test_with_biases_backprop_is_a_gradient_too_and_alignment_is_not(rng):
    assert asymmetry(biased_jacobian(rng, lambda W, B: W.T)) < 1e-8
    assert asymmetry(biased_jacobian(rng, lambda W, B: B)) > 0.1
    assert asymmetry(biased_jacobian(rng, lambda W, B: -W.T)) > 0.1  # planted


# Bad input.


@pytest.mark.parametrize(
    "change, message",
    [
        ({"feedback": "transpose"}, "feedback must be one of .* got 'transpose'"),
        ({"B": None}, "'alignment' needs B"),
        ({"B": np.ones((5, 8))}, r"B must be \(n_hidden, n_out\) = \(8, 5\), got \(5, 8\)"),
        ({"A": np.ones((7, 6))}, r"must fit, got \(5, 8\), \(7, 6\) and \(5, 6\)"),
        ({"t": [0, 0]}, "ascending times"),
        ({"frozen": "B"}, "frozen must be 'W', 'A' or None, got 'B'"),
    ],
)
def test_bad_input_is_refused(rng, change, message):
    good = dict(zip("TWAB", network(rng), strict=True)) | {"t": TIMES}
    with pytest.raises(ArgumentError, match=message):
        flow(**good | change)


def test_weights_that_explode_stop_the_flow(monkeypatch):
    monkeypatch.setattr(learning_flow, "velocity", lambda T, W, A, *_: (W**2, A))  # infinite at t = 1
    with pytest.raises(FloatingPointError, match=r"stopped at t = .* of 2"):
        flow([[1.0]], [[1.0]], [[1.0]], [[1.0]], t=[0, 2])


def test_weights_that_explode_by_way_of_a_pseudoinverse_do(rng, monkeypatch):
    """With E = T + W A the integrator's steps get shorter without an end."""

    def plus(T, W, A, B, feedback):
        E = T + W @ A
        return E @ A.T, learning_flow.FEEDBACK[feedback](W, B) @ E

    monkeypatch.setattr(learning_flow, "velocity", plus)
    with pytest.raises(FloatingPointError, match=r"stopped at t = .* of 4: max_evaluations, 5000, do not suffice"):
        flow(*network(rng), "pseudobackprop", t=TIMES, max_evaluations=5000)


@pytest.mark.parametrize(
    "start", [{}, {"W": np.full((5, 8), 1e160), "A": np.full((8, 6), 1e160)}], ids=["near singular W", "overflow"]
)
def test_a_flow_that_goes_nowhere_stops(rng, start):
    """A' = -W^+ E has no rest: it drives W to lower ranks, where the pseudoinverse jumps."""
    given = dict(zip("TWAB", network(rng), strict=True)) | start
    with pytest.raises(FloatingPointError, match="stopped at t"):
        flow(**given, feedback=lambda W, B: -np.linalg.pinv(W), t=TIMES, max_evaluations=2000)


def test_the_jacobian_of_pseudobackprop_is_not_offered(rng):
    with pytest.raises(ArgumentError, match="must be 'alignment' or 'backprop', got 'pseudobackprop'"):
        jacobian(*network(rng), "pseudobackprop")
