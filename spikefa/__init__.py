"""Spiking and continuous-time networks that learn with local rules."""

from importlib.metadata import version

import lazy_loader

from spikefa._brian2_import import allow_in_any_thread
from spikefa._environment import check_environment, let_idle_threads_sleep

check_environment()
let_idle_threads_sleep()
allow_in_any_thread()

__version__ = version("spikefa")

# Brian2 takes a second to import: names are looked up when they are first used.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["datasets", "exchange", "experiments", "metrics", "pathways", "plotting"],
    submod_attrs={
        "brian2_reference": ["Brian2Reference"],
        "core.network": ["Network"],
        "core.sandbox": ["sandboxed"],
        "engine.weight_policy": ["WeightPolicy"],
        "engine.window": ["map_units"],
        "datasets.spike_trains": ["SpikeTrains"],
        "diagnostics.error_monitor": ["ErrorMonitor"],
        "diagnostics.evaluation": ["error", "predict", "summed_outputs"],
        "diagnostics.gradient_alignment": ["GradientAlignment"],
        "diagnostics.responses": ["responses"],
        "diagnostics.labelled_arrays": ["to_xarray"],
        "diagnostics.signal_alignment": ["SignalAlignment"],
        "diagnostics.trial_monitor": ["TrialMonitor"],
        "diagnostics.weight_alignment": ["WeightAlignment"],
        "diagnostics.weight_monitor": ["WeightMonitor"],
        "errors": [
            "ArgumentError",
            "CheckpointError",
            "DataError",
            "DivergenceError",
            "EquationError",
            "ModelError",
            "RunError",
            "SpikefaError",
        ],
        "experiments.callbacks": ["Callback", "EarlyStopping", "KeepBest", "ReduceOnPlateau"],
        "experiments.params": ["OrRegistered", "Params", "Range"],
        "experiments.run": ["Run", "new_run", "open_run"],
        "experiments.train_parts": ["train"],
        "experiments.schedules": ["step_schedule"],
        "pathways": ["add_pathway"],
        "pathways.perturbed_copy": ["PerturbedCopy"],
        "pathways.alignment": ["feedback_alignment"],
        "pathways.augmented_direct": ["augmented_direct"],
        "pathways.backprop": ["backprop"],
        "pathways.direct": ["direct_feedback_alignment"],
        "pathways.indirect": ["indirect_feedback_alignment"],
        "pathways.kolen_pollack": ["kolen_pollack"],
        "pathways.node_perturbation": ["node_perturbation"],
        "pathways.node_perturbation_feedback": ["node_perturbation_feedback"],
        "pathways.output_only": ["output_only"],
        "pathways.product": ["product_feedback_alignment"],
        "pathways.pseudobackprop": ["pseudobackprop"],
        "pathways.reinforce": ["reinforce"],
        "pathways.reinforce_feedback": ["reinforce_feedback"],
        "pathways.relaxation": ["relaxation"],
        "pathways.shuffled_feedback": ["shuffled_feedback"],
        "pathways.sign_symmetric": ["sign_symmetric"],
        "pathways.synthetic_gradients": ["synthetic_gradients"],
        "plasticity.optimizers": ["Optimizer"],
        "plasticity.optimizers.adam": ["Adam"],
        "plasticity.optimizers.momentum": ["Momentum"],
        "plasticity.optimizers.rmsprop": ["RMSprop"],
        "plasticity.optimizers.sgd": ["SGD"],
        "plasticity.rule": ["Plasticity"],
        "plasticity.weight_average": ["WeightAverage"],
        "populations.clamp": ["Clamp"],
        "populations.population": ["Population"],
        "populations.roles": ["ErrorPopulation", "FeedbackPopulation", "Input", "Layer"],
        "populations.softmax": ["Softmax"],
        "populations.source": ["Source"],
        "presentation.tasks": ["classification_task", "regression_task", "signal_task"],
        "projections.connectivity": [
            "correlated_receptive_fields",
            "local_receptive_fields",
            "random_connectivity",
        ],
        "projections.convolution": ["convolution"],
        "projections.derived": ["DerivedProjection", "ShuffledProjection", "TiedProjection"],
        "projections.initializers": ["normal", "uniform"],
        "projections.least_squares": ["LeastSquaresProjection"],
        "projections.pooling": ["pooling"],
        "projections.projection": ["Projection"],
        "projections.reciprocal": ["ReciprocalProjection"],
        "study.axes": ["Interval"],
        "study.study": ["Study", "open_study"],
    },
)
