"""A search for the best point with Optuna, which proposes points, and ends those that are worse than others were."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np

from spikefa.errors import RunError
from spikefa.experiments.params import value_text
from spikefa.study import results
from spikefa.study.axes import Interval
from spikefa.study.design import Design
from spikefa.study.pools import Pool
from spikefa.study.task import ENDS, Event

try:
    import optuna
except ImportError:
    raise RunError("Study: a search needs Optuna; pip install spikefa[search]") from None

#: The search's storage in the study's directory.
STORAGE = "search.sqlite3"
#: What a trial is told that failed, so that it counts.
_FAILED = "failed"


class _Trial:
    """A point that is trained, one run a seed."""

    def __init__(self, trial: Any, point: dict[str, Any], names: list[str]):
        self.trial, self.point, self.names = trial, point, names
        self.values: dict[str, dict[int, float]] = {name: {} for name in names}
        self.open = set(names)
        self.pruned = False
        self.stopped = False
        self.failure: str | None = None

    def reported(self, name: str, images: int, value: float) -> float | None:
        """Keep a value of a run; return the mean over the runs at this many images, once all have it."""
        self.values[name][images] = value
        known = [values.get(images) for values in self.values.values()]
        return None if None in known else statistics.fmean(known)


class Search:
    """Propose points, follow their evaluations, and prune; see `spikefa.study.execute.Driver`.

    The storage of Optuna is in the study's directory. Trials that a killed process left open are proposed again, and
    their runs go on from their checkpoints.

    Parameters
    ----------
    study : Design
        With a number of trials.
    """

    def __init__(self, study: Design):
        self.study = study
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._found = optuna.create_study(
            study_name="spikefa",
            storage=f"sqlite:///{study.directory.resolve() / STORAGE}",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
            load_if_exists=True,
            direction="minimize",
        )
        # A search that goes on must not propose again what it began with.
        seed = np.random.SeedSequence([study.sampling_seed, len(self._found.trials)]).generate_state(1)[0]
        self._found.sampler = optuna.samplers.TPESampler(seed=int(seed))
        self._trials: dict[str, _Trial] = {}
        for left in self._found.get_trials(states=[optuna.trial.TrialState.RUNNING]):
            self._found.tell(left.number, state=optuna.trial.TrialState.FAIL)
            self._found.enqueue_trial(left.params)

    def begin(self, pool: Pool) -> None:
        """Propose the first points."""
        self._pool = pool
        self._fill()

    def _fill(self) -> None:
        """Propose points while there are trials left and room in the pool."""
        while self._left() > 0 and sum(len(trial.open) for trial in self._open()) < self._pool.width:
            self._propose()

    def _open(self) -> list[_Trial]:
        return list({id(trial): trial for trial in self._trials.values()}.values())

    def _left(self) -> int:
        counted = sum(
            trial.state.is_finished() and (trial.state != optuna.trial.TrialState.FAIL or _FAILED in trial.user_attrs)
            for trial in self._found.get_trials(deepcopy=False)
        )
        return self.study.search - counted - len(self._open())

    def _propose(self) -> None:
        trial = self._found.ask(_distributions(self.study.vary))
        point = {name: _value(values, trial.params[name]) for name, values in self.study.vary.items()}
        runs = dict(self.study.run_of(point, seed) for seed in self.study.seeds)
        made = _Trial(trial, point, list(runs))
        if any(name in self._trials for name in runs):  # the same point is trained now
            self._found.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
        self._trials |= dict.fromkeys(runs, made)
        for name, run in runs.items():
            status, message, metrics = results.status_of(self.study, name, run)
            for i, images in enumerate(metrics.get("images_seen", ())):
                self._report(name, int(images), float(metrics[self.study.objective][i]))
            if status in ("done", "failed", "pruned"):
                made.pruned, made.failure = made.pruned or status == "pruned", made.failure or message or None
                self._ended(name)
            elif not made.pruned:
                self._pool.submit(name, run)
            else:
                self._ended(name)

    def handle(self, event: Event) -> None:
        """Follow a run; propose another point when one has ended."""
        trial = self._trials.get(event.name)
        if trial is None:
            return
        if event.kind == "row":
            value = event.data[self.study.objective]
            self._report(event.name, int(event.data["images_seen"]), math.nan if value == "" else float(value))
        elif event.kind in ENDS:
            if event.kind == "failed":
                trial.failure = event.data["message"]
            trial.stopped = trial.stopped or (event.kind in ("stopped", "lost") and not trial.pruned)
            if event.kind == "stopped" and trial.pruned:
                epoch = self._found.trials[trial.trial.number].last_step
                message = f"worse than the median of other points after {epoch:,} images"
                results.write_end(self.study, event.name, "pruned", message)
            self._ended(event.name)
            if not trial.stopped:
                self._fill()

    def _report(self, name: str, images: int, value: float) -> None:
        trial = self._trials[name]
        if math.isnan(value) or trial.pruned:
            return
        mean = trial.reported(name, images, value)
        if mean is None:
            return
        trial.trial.report(mean, images)
        if trial.trial.should_prune():
            trial.pruned = True
            for other in trial.open:
                self._pool.stop(other)

    def _ended(self, name: str) -> None:
        """Tell Optuna once all runs of a point have ended; one that was stopped stays open, and is proposed again."""
        trial = self._trials[name]
        trial.open.discard(name)
        if trial.open:
            return
        for own in trial.names:
            del self._trials[own]
        if trial.stopped:
            return
        if trial.failure is not None and not trial.pruned:
            trial.trial.set_user_attr(_FAILED, trial.failure)
            self._found.tell(trial.trial, state=optuna.trial.TrialState.FAIL)
        elif trial.pruned:
            self._found.tell(trial.trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self._found.tell(trial.trial, statistics.fmean(values[max(values)] for values in trial.values.values()))


def _distributions(axes: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, values in axes.items():
        if not isinstance(values, Interval):
            found[name] = optuna.distributions.CategoricalDistribution([value_text(value) for value in values])
        elif values.whole:
            found[name] = optuna.distributions.IntDistribution(values.low, values.high, log=values.log)
        else:
            found[name] = optuna.distributions.FloatDistribution(values.low, values.high, log=values.log)
    return found


def _value(values: Any, proposed: Any) -> Any:
    """Return the value of an axis that a proposal of Optuna stands for."""
    if isinstance(values, Interval):
        return values.rounded(proposed)
    return next(value for value in values if value_text(value) == proposed)
