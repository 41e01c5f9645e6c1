"""Model files: found, checked, set from text, copied and changed."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spikefa.errors import ModelError
from spikefa.experiments import model_file, model_source
from spikefa.experiments.run import new_run
from spikefa.pathways import pathways


def test_every_bundled_model_states_its_paper_and_the_meaning_of_every_parameter():
    assert "lillicrap2016_spiking" in model_file.names()
    for name in model_file.names():
        model = model_file.load(name)
        assert "https://doi.org/" in model.module.__doc__
        description = model.describe()
        assert [row.name for row in description.parameters] == [f.name for f in dataclasses.fields(model.params())]
        for row in description.parameters:
            assert row.meaning.endswith(".") and row.type != "any value", (name, row)


def test_every_preset_and_all_defaults_fit_their_ranges():
    for name in model_file.names():
        model = model_file.load(name)
        for preset in (None, *model.presets):
            params = model.params(preset=preset)
            assert model.params(json.loads(json.dumps(dataclasses.asdict(params)))) == params  # as run.json does


def test_one_model_names_a_preset_for_the_demo(model):
    assert [name for name in model_file.names() if model_source.find(name).demo_preset is not None] == [model.name]
    assert model_file.demo().name == model.name and model_file.demo().demo_preset in model.presets


def test_published_values(model):
    params = model.params()
    assert (params.pixels, params.hidden, params.outputs) == (784, (1500, 1500, 1500), 1000)
    assert (params.weight_range, params.feedback_range, params.dt_over_tau) == (0.05, 0.1, 0.9)
    assert (params.steps_per_image, params.test_steps, params.eta, params.gamma) == (5, 5, 1e-3, 1e-8)
    net = model.build(model.params({"hidden": (40, 30), "outputs": 20}), streams=2, seed=0)
    assert [p.shape for p in net.projections if p.learning] == [(784, 40), (40, 30), (30, 20)]
    assert [p.shape for p in net.projections if not p.learning] == [(20, 30), (30, 40)]
    for projection in net.projections:
        limit = 0.05 if projection.learning else 0.1
        assert 0.95 * limit < abs(projection.W).max() <= limit and (projection.b == 0).all()
        assert abs(projection.W.mean()) < 5 * limit / (3 * projection.W.size) ** 0.5


def test_set_reaches_every_parameter(model):
    texts = [
        "hidden=500,400",
        "outputs=500",
        "eta=4e-3",
        "weight_range=0.1",
        "dt_over_tau=1",
        "dtype=float64",
        "pixels=64",
    ]
    params = model.params(model.parse(texts))
    assert params.hidden == (500, 400) and params.outputs == 500 and params.eta == 4e-3
    assert params.dt_over_tau == 1.0 and isinstance(params.dt_over_tau, float) and params.dtype == "float64"
    assert model.params(model.parse(["hidden=500"])).hidden == (500,)
    assert model.params(model.parse(["hidden="])).hidden == ()
    assert model.params(model.parse(["rule=dW = eta * s_pre"])).rule == "dW = eta * s_pre"


def test_set_takes_true_and_false():
    rate = model_file.load("lillicrap2016_rate")
    for text, value in (("true", True), ("False", False)):
        assert rate.params(rate.parse([f"standardise={text}"])).standardise is value
    with pytest.raises(ModelError, match="^Model 'lillicrap2016_rate': standardise must be true or false, got '1'$"):
        rate.params(rate.parse(["standardise=1"]))


def test_set_takes_none_where_none_is_allowed(model):
    changes = model.parse(["momentum=none", "weight_range_first=None", "receptive_field_pixels=7"])
    assert changes == {"momentum": None, "weight_range_first": None, "receptive_field_pixels": 7}
    assert model.params(model.parse(["momentum=0.5"])).momentum == 0.5
    with pytest.raises(ModelError, match="^Model 'lillicrap2016_spiking': eta must be a number, got 'none'$"):
        model.params(model.parse(["eta=none"]))


def test_values_are_put_into_the_types_of_their_fields(model):
    params = model.params({"eta": np.float32(0.5), "hidden": [np.int64(5), 6.0], "outputs": 20.0, "softmax": np.False_})
    assert (params.eta, params.hidden, params.outputs, params.softmax) == (0.5, (5, 6), 20, False)
    assert [type(value) for value in (params.eta, *params.hidden, params.outputs)] == [float, int, int, int]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["etta=1"], "Model 'lillicrap2016_spiking': no parameter 'etta'; there are pixels, .*; did you mean 'eta'.$"),
        (["eta"], "Model 'lillicrap2016_spiking': a parameter must be set by name=value, got 'eta'$"),
        (["eta=fast"], "Model 'lillicrap2016_spiking': eta must be a number, got 'fast'$"),
        (["eta=-1"], "Model 'lillicrap2016_spiking': eta must be at least 0, got -1$"),
        (["eta=true"], "Model 'lillicrap2016_spiking': eta must be a number, got 'true'$"),
        (["outputs=10.5"], "Model 'lillicrap2016_spiking': outputs must be a positive whole number, got 10.5$"),
        (["outputs=0"], "Model 'lillicrap2016_spiking': outputs must be a positive whole number, got 0$"),
        (["eta=1e999"], "Model 'lillicrap2016_spiking': eta must be finite, got inf$"),
        (["outputs=1e999"], "Model 'lillicrap2016_spiking': outputs must be finite, got inf$"),
        (
            ["hidden=10,1e999"],
            r"Model 'lillicrap2016_spiking': hidden must hold positive whole numbers, got \(10, inf\)$",
        ),
        (["hidden=10,x"], r"Model 'lillicrap2016_spiking': hidden must hold positive whole numbers, got \(10, 'x'\)$"),
        (["hidden=10,0"], r"Model 'lillicrap2016_spiking': hidden must hold positive whole numbers, got \(10, 0\)$"),
        (["momentum=1"], "Model 'lillicrap2016_spiking': momentum must be above 0 and below 1, or None, got 1$"),
        (["pathway=aligment"], "pathway must be one of alignment, .*, got 'aligment'; did you mean 'alignment'.$"),
        (["dtype=float16"], "dtype must be one of float32, float64, got 'float16'; did you mean"),
    ],
)
def test_bad_settings_are_refused(model, texts, message):
    with pytest.raises(ModelError, match=message):
        model.params(model.parse(texts))


def test_unknown_presets_and_models_are_refused(model, tmp_path):
    with pytest.raises(ModelError, match="no preset 'dence'; there are digits, dense, .*; did you mean 'dense'.$"):
        model.params(preset="dence")
    with pytest.raises(
        ModelError, match=r"Model 'lillicrap': no such model or file; there are .*lillicrap2016_spiking.*or give"
    ):
        model_file.load("lillicrap")
    with pytest.raises(ModelError, match="; did you mean 'lansdell2020_np'.$"):
        model_file.load("lansdell2020")
    for text, message in [
        ("x = 1", "has no 'Params'"),
        ("class Params: pass\ndef build(): pass", "Params must be a dataclass"),
        ("1 / 0", "does not run: ZeroDivisionError"),
    ]:
        (tmp_path / "mine.py").write_text(text)
        with pytest.raises(ModelError, match=message):
            model_file.load(tmp_path / "mine.py")
    (tmp_path / "mine.py").write_bytes(b"# \xff")
    with pytest.raises(ModelError, match="^Model 'mine': .*mine.py must be UTF-8 text, got .*0xff"):
        model_file.load(tmp_path / "mine.py")
    (tmp_path / "notes.txt").write_text("Params, build")
    with pytest.raises(ModelError, match="notes.txt': a model's file must end in .py, got 'notes.txt'$"):
        model_file.load(tmp_path / "notes.txt")


FIRST = "    pixels: Annotated[int, fa.Range(1)] = 784\n"
MISTAKES = [
    ("    return net\n", "    return None\n", "build must return a Network, got None"),
    ("streams: int = 1, seed: int = 0, images", "seed: int = 0, images", "build.params, seed, images.: got an unexpec"),
    (
        "def lr_factor(params: Params, epoch: int) -> float:",
        "def lr_factor(params, epoch):\n    pass\n\n\ndef other(params: Params, epoch: int) -> float:",
        "lr_factor must return a number, or a dict of numbers by projection, got None for epoch 0$",
    ),
    ("def lr_factor(params: Params, epoch: int)", "def lr_factor(params)", "lr_factor.params.: too many"),
    ("\nRULE = ", "\ndef augment(images, rng):\n    pass\n\n\nRULE = ", "augment.images, rng.: too many positional"),
    (
        FIRST,
        f"    tau_m: object = field(default_factory=lambda: 20 * ms)\n{FIRST}",
        "tau_m must be a finite number, text, .* which a run's record can hold, got 20. . msecond$",
    ),
    (
        FIRST,
        f"    start: object = field(default_factory=lambda: np.zeros((2, 2)))\n{FIRST}",
        r"start must be .*, got array\(\[\[0., 0.\], \[0., 0.\]\]\)$",
    ),
    (FIRST, f"    limit: float = float('inf')\n{FIRST}", "limit must be finite, got inf$"),
]


@pytest.mark.parametrize(("text", "replacement", "message"), MISTAKES)
def test_mistakes_in_a_model_are_refused_before_anything_is_written(text, replacement, message, model, tmp_path):
    source = model.source.replace("from dataclasses import dataclass", "from dataclasses import dataclass, field")
    assert source.count(text) == 1
    (tmp_path / "mine.py").write_text(source.replace(text, replacement))
    with pytest.raises(ModelError, match=rf"^Model 'mine': {message}") as caught:
        new_run(
            tmp_path / "run",
            tmp_path / "mine.py",
            {"pixels": 64, "hidden": (5,), "outputs": 10},
            data="digits",
            epochs=1,
            record_activity=False,
        ).train()
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()


@pytest.mark.parametrize("pathway", ["alignment", "direct", "shuffled_feedback", "backprop", "output_only"])
def test_pathways_of_the_spiking_network(small, digits, pathway):
    """Only what a pathway reaches learns, whatever the options, and the output learns in all."""
    net = small(20, pathway=pathway, rate_average_steps=20, averaging_images=100)
    before = [p.W.copy() for p in net.projections]
    net.stimulus.show_images(digits.train_images[:200], digits.train_labels[:200])
    net.run_steps(50)
    moved = [p.name for p, W in zip(net.projections, before, strict=True) if not np.array_equal(p.W, W)]
    learned = ["image_to_h1", "h1_to_h2", "h2_to_output"]
    if pathway == "output_only":
        assert moved == learned[-1:]
    elif pathway == "backprop":
        assert {*learned} <= {*moved}
    else:
        assert moved == learned
    assert all(np.abs(p.b).max() > 0 for p in net.projections if p.name in learned and p.name in moved)


@pytest.mark.parametrize("trained", ["dense", "receptive_fields"])
@pytest.mark.parametrize(("control", "learn"), [("backprop", 3), ("output_only", 1)])
def test_a_control_differs_from_its_preset_in_what_it_controls_alone(model, digits, trained, control, learn):
    preset = f"{trained}_{control}"
    theirs, its = (dataclasses.asdict(model.params(preset=name)) for name in (trained, preset))
    changed = {name for name in theirs if theirs[name] != its[name]}
    ranges = {"weight_range", "weight_range_first"}
    assert "pathway" in changed and changed <= {"pathway", "eta", "eta_factor_first", "eta_factor_output"} | ranges
    size = its["receptive_field_pixels"] and 7
    sizes = {"pixels": 64, "hidden": (30, 20), "outputs": 20, "receptive_field_pixels": size}
    params = model.params(sizes, preset)
    net = model.build(params, streams=20, seed=0, images=lambda: digits.train_images)
    forward = [p for p in net.projections if p.post in net.layers]
    before = [p.W.copy() for p in forward]
    net.stimulus.show_images(digits.train_images[:100], digits.train_labels[:100])
    net.run_steps(25)
    assert sum(not np.array_equal(p.W, W) for p, W in zip(forward, before, strict=True)) == learn


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pathway": "sideways"}, "pathway must be one of alignment, direct, .*, output_only, or .*, got 'sideways'"),
        ({"feedback_pairs": True}, "pathway must be direct with feedback_pairs, got 'alignment'"),
        (
            {"feedback_pairs": True, "pathway": "direct", "classes": 1},
            "classes must be at least 2 with feedback_pairs, got 1",
        ),
        ({"loss": "hinge"}, "loss must be one of squared_error, cross_entropy, got 'hinge'"),
        ({"dt_over_tau": 0.0}, "dt_over_tau must be above 0 and at most 1, got 0.0"),
        ({"dt_over_tau": 1.5}, "dt_over_tau must be above 0 and at most 1, got 1.5"),
        ({"max_spike_probability": 0.0}, "max_spike_probability must be above 0 and at most 1, got 0.0"),
        ({"rate_average_steps": 0}, "rate_average_steps must be at least 1, or None, got 0"),
        ({"lr_divisor": 0.0}, "lr_divisor must be above 0, got 0.0"),
        ({"eta_factor_first": -3.0}, "eta_factor_first must be at least 0, got -3.0"),
        ({"gamma": 1.0}, "gamma must be at least 0 and below 1, got 1.0"),
        ({"lr_milestones": (-2,)}, r"lr_milestones must hold whole numbers, each at least 0, got \(-2,\)"),
        ({"weight_range": -0.05}, "weight_range must be at least 0, got -0.05"),
        ({"eta": np.nan}, "eta must be finite, got nan"),
    ],
)
def test_parameters_out_of_their_range_are_refused(model, change, message):
    message = f"^Model 'lillicrap2016_spiking': {message}$"
    with pytest.raises(ModelError, match=message):
        model.params({"hidden": (3,), "outputs": 10} | change)
    with pytest.raises(ModelError, match=message):
        model.module.build(model.module.Params(**{"hidden": (3,), "outputs": 10} | change))


def test_two_class_feedback_differs_from_receptive_fields_in_its_feedback_alone(model):
    names = ("receptive_fields", "two_class_feedback")
    fields, pairs = (dataclasses.asdict(model.params(preset=name)) for name in names)
    assert {name for name in fields if fields[name] != pairs[name]} == {"pathway", "feedback_pairs", "feedback_range"}


def test_wide_differs_from_two_class_feedback_in_its_widths_alone(model):
    pairs, wide = (dataclasses.asdict(model.params(preset=name)) for name in ("two_class_feedback", "wide"))
    assert {name for name in pairs if pairs[name] != wide[name]} == {"hidden"}


def test_hidden_units_receive_the_errors_of_two_classes(small):
    """Every pair of classes is drawn, in either order; each unit receives all output units of its two."""
    net = small(pathway="direct", feedback_pairs=True, feedback_range=0.25, hidden=(3000, 20))
    for layer in net.hidden:
        B = net[f"error_output_to_feedback_{layer.name}"].W.reshape(10, 2, layer.units)
        assert np.array_equal(B[:, 0], B[:, 1]) and np.array_equal(np.unique(B), np.float32([-0.25, 0, 0.25]))
        assert np.all((B[:, 0] > 0).sum(axis=0) == 1) and np.all((B[:, 0] < 0).sum(axis=0) == 1)
    wide = net["error_output_to_feedback_h1"].W[::2]
    assert len({(column.argmax(), column.argmin()) for column in wide.T}) == 90
    other = small(seed=1, pathway="direct", feedback_pairs=True, feedback_range=0.25, hidden=(3000, 20))
    assert not np.array_equal(other["error_output_to_feedback_h1"].W[::2], wide)


def test_loss_and_learning_rates_by_layer(small, digits):
    """Against the products by hand: no psi in the output layer, and each layer its own rate."""
    rates = {"image_to_h1": 3 * 4e-2, "h1_to_h2": 4e-2, "h2_to_output": 0.5 * 4e-2}
    net = small(5, loss="cross_entropy", eta_factor_first=3.0, eta_factor_output=0.5, dtype="float64", gamma=0.0)
    net.stimulus.show_images(digits.train_images[:25], digits.train_labels[:25])
    net.run_steps(24)
    before = {p.name: p.W.copy() for p in net.projections}
    net.run_steps(1)
    for layer in net.layers:
        projection = next(p for p in net.projections if p.post is layer)
        p = 1 / (1 + np.exp(-layer.view("v")))
        psi = 1 if layer is net.layers[-1] else p * (1 - p)
        error = net["error_output"] if layer is net.layers[-1] else net[f"feedback_{layer.name}"]
        expected = -rates[projection.name] * projection.pre.view("s") @ (error.view("delta") * psi).T
        np.testing.assert_allclose(projection.W - before[projection.name], expected, rtol=0, atol=1e-12)
        assert np.abs(expected).max() > 1e-4


def test_output_bias_starts_the_mean_errors_at_zero(small, digits):
    net = small(20, outputs=500, output_bias=-np.log(9), weight_range=0.01, eta=0.0)
    for projection in net.projections:
        np.testing.assert_allclose(projection.b, -np.log(9) if projection.post is net.layers[-1] else 0, rtol=1e-6)
    net.stimulus.show_images(digits.train_images[:20], digits.train_labels[:20])
    net.run_steps(5)
    assert abs(net["error_output"].view("u").mean()) < 5 * 0.9 * 0.3 / 100  # 10,000 spikes; 0.36 with a bias of 0


def test_release_thins_the_input_spikes(small):
    """64,000 draws of 0.7 x min(pixel, 0.95), within 5 sigma (false alarms 6e-7); without failures it is 90 off."""
    for pixel, p in ((1.0, 0.7 * 0.95), (0.6, 0.7 * 0.6)):
        net = small(20, release_probability=0.7)
        net.stimulus.show_images(np.full((200, 64), pixel, np.float32), np.zeros(200, int))
        spikes = 0.0
        for _ in range(50):
            net.run_steps(1)
            spikes += net["image"].view("s").sum()
        n = 50 * 20 * 64
        assert abs(spikes - n * p) < 5 * np.sqrt(n * p * (1 - p))


@pytest.mark.parametrize("release", [0.0, -0.1, 1.5])
def test_release_that_is_no_probability_is_refused(model, release):
    with pytest.raises(ModelError, match=f"release_probability must be above 0 and at most 1, got {release}$"):
        model.params({"release_probability": release})


def test_a_first_weight_range_of_0_is_0(small):
    assert not small(weight_range_first=0.0)["image_to_h1"].W.any()
    assert small(weight_range_first=None)["image_to_h1"].W.any()


def test_cross_entropy_by_backpropagation_sends_the_output_error_itself(small, digits):
    net = small(5, loss="cross_entropy", pathway="backprop", dtype="float64")
    net.stimulus.show_images(digits.train_images[:25], digits.train_labels[:25])
    net.run_steps(24)
    error, hidden = net["error_output"], net["feedback_h2"]
    np.testing.assert_array_equal(error.view("delta"), error.view("u"))
    psi = np.exp(-net["h2"].view("v")) / (1 + np.exp(-net["h2"].view("v"))) ** 2
    np.testing.assert_allclose(hidden.view("delta"), hidden.view("u") * psi, rtol=1e-12, atol=1e-300)


def test_the_centred_rule_learns_without_the_mean(small, digits):
    """Against the products by hand: presynaptic spikes less their running means, and the bias as ever."""
    net = small(5, rate_average_steps=20, dtype="float64", gamma=0.0)
    net.stimulus.show_images(digits.train_images[:25], digits.train_labels[:25])
    net.run_steps(24)
    projection = next(p for p in net.projections if p.name == "h1_to_h2")
    W, b, h1, h2 = projection.W.copy(), projection.b.copy(), net["h1"], net["h2"]
    net.run_steps(1)
    p = 1 / (1 + np.exp(-h2.view("v")))
    g = -4e-2 * net["feedback_h2"].view("delta") * p * (1 - p)
    np.testing.assert_allclose(projection.W - W, (h1.view("s") - h1.view("m")) @ g.T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(projection.b - b, g.sum(axis=1), rtol=0, atol=1e-12)
    assert 0.3 < h1.view("m").mean() < 0.7


def test_learning_rate_drops_after_the_epochs_named(model):
    params = model.params({"lr_milestones": (2, 3), "lr_divisor": 10.0})
    assert [model.lr_factor(params, epoch) for epoch in range(5)] == pytest.approx([1, 1, 0.1, 0.01, 0.01])
    assert model.lr_factor(model.params(), 100) == 1.0


def test_a_study_is_a_copy_with_an_equation_changed(model, tmp_path, digits):
    """Copy the file, change the derivative in the rule, run it."""
    copy = tmp_path / "mine.py"
    changed = model.source.replace("delta_post * psi_post * s_pre", "delta_post * s_pre")
    assert changed != model.source
    copy.write_text(changed)
    mine = model_file.load(str(copy))
    sizes = {"pixels": 64, "hidden": (20,), "outputs": 10}
    nets = [m.build(m.params(sizes), streams=5, seed=0) for m in (model, mine)]
    for net in nets:
        net.stimulus.show_images(digits.train_images[:20], digits.train_labels[:20])
        net.run_steps(20)
    assert abs(nets[0]["h1_to_output"].W - nets[1]["h1_to_output"].W).max() > 1e-3


def test_the_package_names_no_model():
    root = Path(model_file.__file__).parents[1]
    for path in root.rglob("*.py"):
        if "_models" not in path.parts:
            assert not any(name in path.read_text() for name in model_file.names()), path


# Descriptions, plain dataclasses, other distributions.


def test_a_description_says_types_defaults_ranges_meanings_and_what_presets_change(model):
    description = model.describe()
    rows = {row.name: (row.type, row.default, row.range) for row in description.parameters}
    assert rows["pixels"] == ("positive whole number", 784, "")
    assert rows["hidden"] == ("positive whole numbers", (1500, 1500, 1500), "")
    assert rows["eta"] == ("number", 1e-3, "at least 0")
    assert rows["gamma"] == ("number", 1e-8, "at least 0 and below 1")
    assert rows["momentum"] == ("number, or none", None, "above 0 and below 1")
    assert rows["softmax"] == ("true or false", False, "")
    assert rows["loss"] == ("one of squared_error, cross_entropy", "squared_error", "")
    assert rows["rule"] == ("text", model.module.RULE, "")
    meanings = {row.name: row.meaning for row in description.parameters}
    assert meanings["dt_over_tau"] == "dt/tau of potentials and feedback."
    assert "  " not in meanings["pathway"] and "\n" not in meanings["pathway"]
    assert (description.name, description.summary) == (model.name, model.summary)
    assert description.presets == model.presets and list(description.presets) == list(model.presets)


def test_models_are_listed_and_described_without_brian2():
    program = (
        "import sys; from spikefa.experiments import model_source\n"
        "for name in model_source.names():\n"
        "    source = model_source.find(name)\n"
        "    assert list(source.describe().presets) == source.preset_names and source.summary\n"
        "model_source.demo()\n"
        "print('brian2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


PLAIN = """
import math
from dataclasses import dataclass
from typing import Annotated, Literal
import spikefa as fa

SIZES = {"small": 3}
SIZES["large"] = math.factorial(4)

@dataclass
class Params:
    units: Annotated[int, fa.Range(1, 100)] = SIZES["large"]
    start: Literal["zero", 2] = "zero"

PRESETS = {}
for name, size in SIZES.items():
    PRESETS[name] = {"units": size}

print("the whole file runs")

def build(params, streams=1, seed=0):
    net = fa.Network(streams=streams, seed=seed)
    fa.Input(net, "image", params.units)
    return net
"""


def test_a_plain_dataclass_is_checked_and_described_too(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(PLAIN)
    source = model_source.find(tmp_path / "mine.py")
    assert source.preset_names == ["small", "large"]
    row = source.describe().parameters[0]
    assert (row.default, row.range, row.meaning) == (24, "at least 1 and at most 100", "")
    assert capsys.readouterr().out == ""
    mine = model_file.load(tmp_path / "mine.py")
    assert mine.params(mine.parse(["start=2"])).start == 2
    with pytest.raises(ModelError, match="^Model 'mine': units must be at least 1 and at most 100, got 101$"):
        mine.params({"units": 101})
    with pytest.raises(ModelError, match="^Model 'mine': units must be at least 1 and at most 100, got 0$"):
        mine.build(mine.module.Params(units=0))


def test_a_models_summary_and_presets_need_no_execution(tmp_path):
    (tmp_path / "mine.py").write_text('"""What it is.\n\nMore."""\n1 / 0\nPRESETS = {"one": {}, "two": 1 / 0}\n')
    source = model_source.find(tmp_path / "mine.py")
    assert (source.summary, source.preset_names, source.demo_preset) == ("What it is.", ["one", "two"], None)


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """A distribution on the path with three entry points; two have a file."""
    information = tmp_path / "others-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[spikefa.models]\ntheirs2020 = others.theirs\nlost = others.nothing\nnowhere = nothing_of_others.lost\n"
    )
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "__init__.py").write_text("")
    (tmp_path / "others" / "theirs.py").write_text(f'"""A model of others."""\n{PLAIN}')
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("others", None)


def test_models_of_other_distributions_are_found_by_their_entry_points(distribution):
    assert {"theirs2020", "lillicrap2016_spiking"} <= set(model_file.names())
    assert model_source.find("theirs2020").summary == "A model of others."
    theirs = model_file.load("theirs2020")
    assert theirs.name == "theirs2020" and theirs.path == distribution / "others" / "theirs.py"
    assert theirs.build(theirs.params(preset="small"))["image"].units == 3
    with pytest.raises(ModelError, match="^Model 'theirs2020': units must be at least 1 and at most 100, got 0$"):
        theirs.params({"units": 0})


@pytest.mark.parametrize("name", ["lost", "nowhere"])
def test_an_entry_point_without_a_module_is_refused(distribution, name):
    with pytest.raises(ModelError, match=f"^Model {name!r}: the entry point '.*' has no module"):
        model_file.load(name)


CHOOSES = """
from dataclasses import dataclass
from typing import Annotated, Literal
import spikefa as fa

@dataclass(frozen=True)
class Params(fa.Params):
    pathway: Annotated[Literal["alignment", "backprop"], fa.OrRegistered("spikefa.pathways")] = "alignment"
    other: Annotated[Literal["alignment"], fa.OrRegistered("spikefa.pathways")] | None = None

def build(params, streams=1, seed=0):
    return fa.Network(streams=streams, seed=seed)
"""


@pytest.fixture
def choosing(tmp_path):
    (tmp_path / "mine.py").write_text(CHOOSES)
    return model_file.load(tmp_path / "mine.py")


def test_a_choice_may_be_one_that_was_registered_elsewhere(choosing):
    def sideways(network):
        return []

    pathways.register("sideways_of_a_test")(sideways)
    params = choosing.params(choosing.parse(["pathway=sideways_of_a_test", "other=none"]))
    assert params.pathway == "sideways_of_a_test" and params.other is None
    assert choosing.params({"other": "sideways_of_a_test"}).other == "sideways_of_a_test"
    words = "one of alignment, backprop, or a name added to spikefa.pathways"
    assert choosing.describe().parameters[0].type == words


@pytest.mark.parametrize(
    ("value", "got"),
    [("direct", "'direct'$"), ("aligment", "'aligment'; did you mean 'alignment'.$"), (1, "1$"), (None, "None$")],
)
def test_of_spikefas_own_pathways_only_those_of_the_choice_are_taken(choosing, value, got):
    rule = "be one of alignment, backprop, or a name added to spikefa.pathways"
    with pytest.raises(ModelError, match=f"^Model 'mine': pathway must {rule}, got {got}"):
        choosing.params({"pathway": value})
