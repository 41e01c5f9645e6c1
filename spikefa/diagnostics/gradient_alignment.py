"""Gradient alignment: each rule's update against that of backpropagation, by a monitor."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np

from spikefa import metrics
from spikefa._checks import identifier
from spikefa.core.expression_checks import check_expression
from spikefa.core.network import Network, require_network
from spikefa.core.part import APPLY_RULES
from spikefa.diagnostics.error_signal import error_term, evaluator, loss_derivative
from spikefa.diagnostics.monitor import Monitor
from spikefa.errors import ArgumentError
from spikefa.populations.unit_slice import UnitSlice
from spikefa.projections.projection import Projection

#: Rows and columns of a large projection in which the signs of two updates are compared.
SIGN_SAMPLE = 300
#: What is measured of each projection.
MEASURES = ("angle", "norm_ratio", "sign")


class GradientAlignment(Monitor):
    r"""Compare the update that each rule makes in a step with the one that backpropagation would make in that step.

    Backpropagation starts from the same output error, uses the transposed weights of the step and the units'
    derivatives, and has each projection's own learning rate:
    ``D_below = (W @ D) * psi``, ``dW = -eta * s_pre @ D.T`` [Rumelhart et al. 1986, doi:10.1038/323533a0]. A rule's
    update is computed from the rule itself. It includes no decay (unless the rule is no sum of outer products), no
    optimizer and no factor of a learning-rate schedule. Biases are left out, and so are synapses that do not exist.

    A rule's learning rate is the absolute coefficient of the term that has the error and the presynaptic output, at a
    weight of 0: eta in ``-eta * delta_post * psi_post * (s_pre - 0.5) * (1 - W**2)``. If a rule has none,
    the ratio of the norms is NaN.

    The output error is the first of these that exists:

    * `output_error`;
    * ``network.output_error``, the same expression, if a model states it;
    * the derivative of the loss, if output units have only an estimate of it: in node perturbation;
    * what the last layer's rule multiplies with the presynaptic output, such as ``delta_post * psi_post``, if each of
      its terms has the factor `error`. The network then descends where that term's coefficient is negative.

    Parameters
    ----------
    network : Network
        With its projections and rules.
    every : int or None
        Steps between measurements.
    derivative : str
        Expression of a hidden layer's variables: derivative of a unit's output with respect to its current. With node
        perturbation, of the last layer's too.
    error : str
        The postsynaptic variable by which rules carry the error, without its suffix. In hidden layers, the outputs of
        all feedback populations do, too.
    output_error : str, optional
        Expression of the error population's variables: the derivative of the loss with respect to the current of the
        output units, such as ``"layer_y - target"``. The network then descends where its rules have a negative
        coefficient.
    name : str

    Raises
    ------
    ArgumentError
        If `every` is not a positive whole number, no projection learns, a forward projection has a delay or a port
        other than its layer's current, an expression names something unknown, or
        nothing says what the output error is.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1\npsi = 1 : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.feedback_alignment(net, **error, **feedback, B=fa.uniform(0.5))
    >>> rule = fa.Plasticity("dW = -0.1 * delta_post * y_pre")
    >>> projection = fa.Projection(net, "hidden", "output", fa.uniform(0.5), plasticity=rule)
    >>> first = fa.Projection(net, "image", "hidden", fa.uniform(0.5))
    >>> task = fa.classification_task(net, steps_per_image=1, classes=2)
    >>> monitor = fa.GradientAlignment(net, every=1)
    >>> net.stimulus.show_images([[1.0, 1.0, 1.0, 1.0]], [0])
    >>> net.run_steps(1)
    >>> sorted(monitor.metrics)
    ['update_angle_deg_hidden_to_output', 'update_norm_ratio_hidden_to_output', 'update_sign_hidden_to_output']
    """

    reads_events = False

    def __init__(
        self,
        network: Network,
        every: int | None = 1,
        *,
        derivative: str = "psi",
        error: str = "delta",
        output_error: str | None = None,
        name: str = "gradient_alignment*",
    ):
        # Whatever is refused is so before Brian2 knows of this object: it would complain that it was not used.
        require_network("GradientAlignment", network)
        identifier("GradientAlignment", "error", error)
        check_expression("GradientAlignment", "derivative", derivative)
        if output_error is not None:
            check_expression("GradientAlignment", "output_error", output_error)
        self._forward = [p for p in network.projections if p.post in network.layers]
        self._learning = [p for p in self._forward if p.learning is not None]
        if not self._learning:
            raise ArgumentError("GradientAlignment: no projection to a layer learns")
        for p in self._forward:
            if p.delay_steps is not None or p.into != p.post.current_variable:
                raise ArgumentError(
                    f"GradientAlignment: {p.title}: a forward projection must have no delay and go into the current "
                    f"{p.post.current_variable!r}, or its gradient is another"
                )
            if isinstance(p.pre, UnitSlice):
                raise ArgumentError(f"GradientAlignment: {p.title}: a forward projection must be from whole layers")
        self._last = network.layers[-1]
        self._errors = [error, *(population.modulator for population in network.feedback)]
        self._constants: list[dict] | None = None
        self._factors, self._coefficients = {}, {}
        self._masks = {p.name: p.mask for p in self._learning}
        self._derivative = {
            layer.name: evaluator(layer, derivative, "GradientAlignment: derivative")
            for layer in network.hidden
            if any(p.pre is layer for p in self._forward)
        }
        self._top, self._direction = self._stated_error(network, output_error, error, derivative), -1.0
        self._by_rule = self._top is None
        self._read_rules()
        self._samples = {p.name: self._sample(p) for p in self._learning}
        super().__init__(network, every, "plasticity", APPLY_RULES - 1, name)
        network.join(self)

    def before_run(self, run_namespace: dict) -> None:
        """Look the rules' constants up, which may have changed since the last run."""
        super().before_run(run_namespace)
        self._read_rules()

    @staticmethod
    def _stated_error(
        network: Network, output_error: str | None, error: str, derivative: str
    ) -> Callable[[], np.ndarray] | None:
        """Return what computes the output error; None if it is left to the last layer's rule."""
        top, last, what = network.error, network.layers[-1], "output_error"
        if output_error is None and network.output_error is not None:
            output_error, what = network.output_error, "network.output_error"
            check_expression("GradientAlignment", what, output_error)
        if output_error is None:
            source = getattr(last.variables.get(error), "owner", None)
            others = [population.name for population in network.feedback if population is not top]
            if top is None or source is None or source.name not in others:
                return None
            output_error = loss_derivative(top, derivative)
            what = f"the derivative of the loss, in which derivative is {derivative!r},"
            if output_error is None:
                raise ArgumentError(
                    f"GradientAlignment: {error!r} of the last layer, {last.name!r}, comes from {source.name!r} and "
                    f"not from the error population {top.name!r}, so that it may be an estimate; give output_error"
                )
        if top is None:
            raise ArgumentError(f"GradientAlignment: {what} needs an error population, the network has none")
        top.refer_to_layer(output_error)
        return evaluator(top, output_error, f"GradientAlignment: {what}")

    def _read_rules(self) -> None:
        constants = [dict(projection.learning.plasticity.constants) for projection in self._learning]
        if constants == self._constants:
            return
        self._constants = constants
        for projection in self._learning:
            term = error_term(projection, self._errors)
            self._factors[projection.name] = projection.learning.outer_products()
            self._coefficients[projection.name] = np.nan if term is None else abs(term.coefficient)
        if self._by_rule:
            self._top, self._direction = self._error_of_rule()

    def _error_of_rule(self) -> tuple[Callable[[], np.ndarray], float]:
        """Return what computes the output error, and the sign of the rule's step along it."""
        last, error = self._last, self._errors[0]
        rules = {p: p.learning.plasticity.rule for p in self._learning if p.post is last}
        for projection in rules:
            term = error_term(projection, [error])
            if term is not None and term.whole:
                return evaluator(last, term.post, "GradientAlignment: the output error"), float(
                    np.sign(term.coefficient)
                )
        stated = ", ".join(f"{projection.title}: {rule!r}" for projection, rule in rules.items()) or "none learns"
        raise ArgumentError(
            f"GradientAlignment: no rule of the last layer, {last.name!r}, has a term f(pre) * g(post), every part of "
            f"g with the factor '{error}_post', to say what the output error is ({stated}); in Python give error or "
            "output_error, or let the model's build set network.output_error, the error's derivative by the outputs' "
            f"current, such as '(layer_{last.output_variable} - target) * layer_psi'"
        )

    @staticmethod
    def _sample(projection: Projection) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(crc32(projection.name.encode()))
        return tuple(np.sort(rng.permutation(units)[:SIGN_SAMPLE]) for units in projection.shape)

    def gradients(self) -> dict[str, np.ndarray]:
        """Return the backpropagated error of each layer in this step, by name: ``(units, streams)``."""
        return self._backpropagated()[0]

    def signals(self) -> dict[str, np.ndarray]:
        """Return what backpropagation sends to each hidden layer, its error before the units' derivative."""
        return self._backpropagated()[1]

    @property
    def direction(self) -> float:
        """-1 if the network descends along the output error of `gradients`, 1 if along its negative."""
        return self._direction

    def _backpropagated(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        layers = self.network.layers
        errors, sent = {layers[-1].name: self._top()}, {}
        for layer in reversed(layers[:-1]):
            above = [p for p in self._forward if p.pre is layer and p.post.name in errors]
            sums = [_sent_back(p, errors[p.post.name]) for p in above]
            if sums:
                sent[layer.name] = sum(sums)
                errors[layer.name] = sent[layer.name] * self._derivative[layer.name]()
        return errors, sent

    def _measure(self) -> dict[str, float]:
        gradients, values = self.gradients(), {}
        for projection in self._learning:
            three = (np.nan,) * 3
            if projection.post.name in gradients:
                activity = projection.pre.view(projection.pre.output_variable)
                three = self._compared(projection, activity, self._direction * gradients[projection.post.name])
            for what, value in zip(MEASURES, three, strict=True):
                values[f"{what}_{projection.name}"] = value
        return values

    def _compared(self, projection: Projection, activity: np.ndarray, gradient: np.ndarray) -> tuple[float, ...]:
        """Return angle, ratio of norms and congruence of signs."""
        terms, coefficient = self._factors[projection.name], self._coefficients[projection.name]
        (n_pre, n_post), streams = projection.shape, projection.post.streams
        mask = self._masks[projection.name]
        if projection.weights.shared:
            ours = sum(_shared(projection, f, scale * g) for _, scale, f, g in terms)
            theirs = _shared(projection, activity, gradient)
            ratio = metrics.whole_ratio(metrics.compared_rows(ours, theirs))
            sign = metrics.sign_congruence(ours, theirs)
            return metrics.angle(ours, theirs), ratio / coefficient if coefficient else np.nan, sign
        if terms is None:
            update = projection.learning.dense_update()

            def ours(rows: slice) -> np.ndarray:
                return update[rows]

        else:
            pre = np.concatenate([f for _, _, f, _ in terms], axis=1)
            post = np.concatenate([scale * g for _, scale, _, g in terms], axis=1)

            def ours(rows: slice) -> np.ndarray:
                return pre[rows] @ post.T

        if terms is None or mask is not None or n_pre * n_post <= streams * (n_pre + n_post):

            def theirs(rows: slice) -> np.ndarray:
                return activity[rows] @ gradient.T

            angle, ratio, sign = _in_blocks(projection.shape, mask, ours, theirs)
        else:
            angle, ratio = _by_factors((pre, post), (activity, gradient))
            rows, columns = self._samples[projection.name]
            sign = metrics.sign_congruence(pre[rows] @ post[columns].T, activity[rows] @ gradient[columns].T)
        return angle, ratio / coefficient if coefficient else np.nan, sign

    def _of(self, what: str) -> dict[str, np.ndarray]:
        return self._collected(what, [p.name for p in self._learning])

    @property
    def angle(self) -> dict[str, np.ndarray]:
        """Projection name -> degrees between the two updates, ``(n,)``; NaN if one is zero."""
        return self._of("angle")

    @property
    def norm_ratio(self) -> dict[str, np.ndarray]:
        """Projection name -> norm of the rule's update over that of backpropagation, ``(n,)``.

        NaN if the latter is zero, or the rule has no learning rate, see above.
        """
        return self._of("norm_ratio")

    @property
    def sign(self) -> dict[str, np.ndarray]:
        """Projection name -> fraction of weights that both move in the same direction, ``(n,)``.

        In projections without a mask and with few streams, of a sample of 300 x 300 weights.
        """
        return self._of("sign")

    @property
    def metrics(self) -> dict[str, float]:
        """The last measurement as columns of a table, NaN before the first one.

        ``update_angle_deg_PROJECTION``, ``update_norm_ratio_PROJECTION`` and ``update_sign_PROJECTION``.
        """
        last = self.last
        return {
            f"update_{'angle_deg' if what == 'angle' else what}_{p.name}": last.get(f"{what}_{p.name}", np.nan)
            for what in MEASURES
            for p in self._learning
        }


def _sent_back(projection: Projection, error: np.ndarray) -> np.ndarray:
    """Return what a projection's transpose makes of an error, ``(n_pre, streams)``."""
    if not projection.weights.shared:
        return projection.W @ error
    sent = np.empty_like(projection.pre.view(projection.pre.output_variable))
    error = np.ascontiguousarray(error, sent.dtype)
    projection.weights.propagate_transposed(error, np.zeros(len(sent), sent.dtype), sent, False)
    return sent


def _shared(projection: Projection, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """Return ``pre @ post.T``, summed over the synapses that share a weight."""
    values = np.zeros_like(projection.weights.values)
    pre, post = (np.ascontiguousarray(factor, values.dtype) for factor in (pre, post))
    projection.weights.update(values, pre, post, 1.0, 0.0)
    return values


def _in_blocks(
    shape: tuple[int, int],
    mask: np.ndarray | None,
    ours: Callable[[slice], np.ndarray],
    theirs: Callable[[slice], np.ndarray],
) -> tuple[float, float, float]:
    """Return angle, ratio of norms and congruence of signs of two updates, functions that make blocks of rows."""
    sums, agreeing, counted = [], 0, 0
    for rows in metrics.blocks(shape):
        a, b = ours(rows), theirs(rows)
        if mask is not None:
            a, b = a * mask[rows], b * mask[rows]
        sums.append(metrics.compared_rows(a, b))
        both = (a != 0) & (b != 0)
        agreeing += np.count_nonzero(both & (np.sign(a) == np.sign(b)))
        counted += np.count_nonzero(both)
    whole = np.concatenate(sums, axis=1)
    sign = agreeing / counted if counted else np.nan
    return metrics.whole_angle(whole), metrics.whole_ratio(whole), sign


def _by_factors(ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Return angle and ratio of norms of two updates ``pre @ post.T``, from their factors' products over the units."""
    ours, theirs = ([factor.astype(np.float64) for factor in pair] for pair in (ours, theirs))
    dot, above, below = (
        float(np.einsum("ij,ij->", a[0].T @ b[0], a[1].T @ b[1]))
        for a, b in ((ours, theirs), (ours, ours), (theirs, theirs))
    )
    if not (below > 0 and np.isfinite(dot)):
        return np.nan, np.nan
    if not above > 0:
        return np.nan, 0.0
    cosine = np.clip(dot / np.sqrt(above) / np.sqrt(below), -1, 1)
    return float(np.degrees(np.arccos(cosine))), float(np.sqrt(above / below))
