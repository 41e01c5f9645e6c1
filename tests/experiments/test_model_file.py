"""Model files: found, checked, set from text, copied and changed."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from spikefa.errors import ModelError
from spikefa.experiments import model_file
from spikefa.experiments.run import new_run


def test_every_bundled_model_has_what_every_model_has():
    assert "lillicrap2016_spiking" in model_file.names()
    for name in model_file.names():
        model = model_file.load(name)
        assert "https://doi.org/" in model.module.__doc__
        source = model.source
        for field in dataclasses.fields(model.module.Params):
            line = next(
                i for i, text in enumerate(source.splitlines()) if text.startswith(f"    {field.name}:")
            )
            assert source.splitlines()[line + 1].strip().startswith('"""'), (
                f"{name}: {field.name} has no docstring"
            )


def test_one_model_is_the_demo(model):
    """`spikefa demo` and `spikefa bench` take the model that has a preset of this name."""
    assert [name for name in model_file.names() if "demo" in model_file.load(name).presets] == [model.name]


def test_published_values(model):
    """SYSTEMS.md, section 1."""
    params = model.params()
    assert (params.pixels, params.hidden, params.outputs) == (784, (1500, 1500, 1500), 1000)
    assert (params.weight_range, params.feedback_range, params.a) == (0.05, 0.1, 0.9)
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
        "a=1",
        "dtype=float64",
        "pixels=64",
    ]
    params = model.params(model.parse(texts))
    assert params.hidden == (500, 400) and params.outputs == 500 and params.eta == 4e-3
    assert params.a == 1.0 and isinstance(params.a, float) and params.dtype == "float64"
    assert model.params(model.parse(["hidden=500"])).hidden == (500,)
    assert model.params(model.parse(["hidden="])).hidden == ()
    assert model.params(model.parse(["rule=dW = eta * s_pre"])).rule == "dW = eta * s_pre"


def test_set_takes_true_and_false():
    rate = model_file.load("lillicrap2016_rate")
    for text, value in (("true", True), ("False", False)):
        assert rate.params(rate.parse([f"standardise={text}"])).standardise is value
    with pytest.raises(ModelError, match="parameter 'standardise' must be bool, got '1'"):
        rate.params(rate.parse(["standardise=1"]))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["etta=1"], r"no parameter 'etta'; there are pixels, hidden, outputs"),
        (["eta"], r"--set needs name=value, got 'eta'"),
        (["eta=fast"], r"parameter 'eta' must be float, got 'fast'"),
        (["outputs=10.5"], r"parameter 'outputs' must be int, got 10.5"),
        (["eta=1e999"], r"parameter 'eta' must be finite, got inf"),
        (["hidden=10,1e999"], r"parameter 'hidden' must be finite, got inf"),
        (["hidden=10,x"], r"parameter 'hidden' must be int, got 'x'"),
    ],
)
def test_bad_settings_are_refused(model, texts, message):
    with pytest.raises(ModelError, match=message):
        model.params(model.parse(texts))


def test_unknown_presets_and_models_are_refused(model, tmp_path):
    with pytest.raises(ModelError, match=r"no preset 'fast'; there are \[.*'demo'"):
        model.params(preset="fast")
    with pytest.raises(
        ModelError, match=r"Model 'lillicrap': no such model or file; there are .*lillicrap2016_spiking.*or give"
    ):
        model_file.load("lillicrap")
    for text, message in [
        ("x = 1", "has no 'Params'"),
        ("class Params: pass\ndef build(): pass", "Params must be a dataclass"),
        ("1 / 0", "does not run: ZeroDivisionError"),
    ]:
        (tmp_path / "mine.py").write_text(text)
        with pytest.raises(ModelError, match=message):
            model_file.load(tmp_path / "mine.py")
    (tmp_path / "mine.py").write_bytes(b"# \xff")
    with pytest.raises(ModelError, match="mine.py: must be UTF-8 text, got .*0xff"):
        model_file.load(tmp_path / "mine.py")
    (tmp_path / "notes.txt").write_text("Params, build")
    with pytest.raises(ModelError, match="notes.txt': a model's file must end in .py, got 'notes.txt'$"):
        model_file.load(tmp_path / "notes.txt")


FIRST = "    pixels: int = 784\n"
MISTAKES = [
    ("    return net\n", "    return None\n", "build must return a Network, got None"),
    ("streams: int = 1, seed: int = 0, images", "seed: int = 0, images", "build.params, seed, images.: got an unexpec"),
    (
        "def learning_rate(params: Params, epoch: int) -> float:",
        "def learning_rate(params, epoch):\n    pass\n\n\ndef other(params: Params, epoch: int) -> float:",
        "learning_rate must return a number, or a dict of numbers by projection, got None for epoch 0$",
    ),
    ("def learning_rate(params: Params, epoch: int)", "def learning_rate(params)", "learning_rate.params.: too many"),
    ("\nRULE = ", "\ndef augment(images, rng):\n    pass\n\n\nRULE = ", "augment.images, rng.: too many positional"),
    (
        FIRST,
        f"    tau_m: object = field(default_factory=lambda: 20 * ms)\n{FIRST}",
        "parameter 'tau_m' must be a finite number, text, .* which a run's record can hold, got 20. . msecond$",
    ),
    (
        FIRST,
        f"    start: object = field(default_factory=lambda: np.zeros((2, 2)))\n{FIRST}",
        r"parameter 'start' must be .*, got array\(\[\[0., 0.\], \[0., 0.\]\]\)$",
    ),
    (FIRST, f"    limit: float = float('inf')\n{FIRST}", "parameter 'limit' must be a finite number, .*, got inf$"),
]


@pytest.mark.parametrize(("text", "replacement", "message"), MISTAKES)
def test_mistakes_in_a_model_are_refused_before_anything_is_written(text, replacement, message, model, tmp_path):
    source = model.source.replace("from dataclasses import dataclass", "from dataclasses import dataclass, field")
    assert source.count(text) == 1
    (tmp_path / "mine.py").write_text(source.replace(text, replacement))
    with pytest.raises(ModelError, match=f"^Model 'mine': {message}") as caught:
        new_run(
            tmp_path / "run", tmp_path / "mine.py", {"pixels": 64, "hidden": (5,), "outputs": 10}, data="digits",
            epochs=1, display=False,
        ).train()  # fmt: skip
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()


@pytest.mark.parametrize("pathway", ["alignment", "direct", "reshuffled", "transpose", "shallow"])
def test_pathways_of_the_spiking_network(small, digits, pathway):
    """Only what a pathway reaches learns, whatever the options, and the output learns in all."""
    net = small(20, pathway=pathway, mean_steps=20, average=100)
    before = [p.W.copy() for p in net.projections]
    net.stimulus.show_images(digits.train_images[:200], digits.train_labels[:200])
    net.run_steps(50)
    moved = [p.name for p, W in zip(net.projections, before, strict=True) if not np.array_equal(p.W, W)]
    learned = ["image_to_h1", "h1_to_h2", "h2_to_output"]
    if pathway == "shallow":
        assert moved == learned[-1:]
    elif pathway == "transpose":
        assert {*learned} <= {*moved}
    else:
        assert moved == learned
    assert all(np.abs(p.b).max() > 0 for p in net.projections if p.name in learned and p.name in moved)


@pytest.mark.parametrize("best", ["best", "best_fields"])
@pytest.mark.parametrize(("control", "learn"), [("backprop", 3), ("frozen", 1)])
def test_the_controls_of_best_differ_from_it_in_what_they_control_alone(model, digits, best, control, learn):
    preset = f"{best}_{control}"
    theirs, its = (dataclasses.asdict(model.params(preset=name)) for name in (best, preset))
    changed = {name for name in theirs if theirs[name] != its[name]}
    ranges = {"weight_range", "weight_range_first"}
    assert "pathway" in changed and changed <= {"pathway", "eta", "eta_first", "eta_output"} | ranges
    params = model.params({"pixels": 64, "hidden": (30, 20), "outputs": 20, "field": its["field"] and 7}, preset)
    net = model.build(params, streams=20, seed=0, images=lambda: digits.train_images)
    forward = [p for p in net.projections if p.post in net.layers]
    before = [p.W.copy() for p in forward]
    net.stimulus.show_images(digits.train_images[:100], digits.train_labels[:100])
    net.run_steps(25)
    assert sum(not np.array_equal(p.W, W) for p, W in zip(forward, before, strict=True)) == learn


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"pathway": "sideways"},
            "pathway must be alignment, direct, reshuffled, transpose or shallow, got 'sideways'",
        ),
        ({"feedback_pairs": True}, "pathway must be direct with feedback_pairs, got 'alignment'"),
        (
            {"feedback_pairs": True, "pathway": "direct", "classes": 1},
            "classes must be at least 2 with feedback_pairs, got 1",
        ),
        ({"loss": "hinge"}, "loss must be squares or cross_entropy, got 'hinge'"),
        ({"a": 0.0}, "a must be above 0 and at most 1, got 0.0"),
        ({"a": 1.5}, "a must be above 0 and at most 1, got 1.5"),
        ({"max_rate": 0.0}, "max_rate must be above 0 and at most 1, got 0.0"),
        ({"mean_steps": -500.0}, "mean_steps must be 0 or at least 1, got -500.0"),
        ({"drop_by": 0.0}, "drop_by must be above 0, got 0.0"),
        ({"eta_first": -3.0}, "eta_first must be at least 0, got -3.0"),
        ({"gamma": 1.0}, "gamma must be at least 0 and below 1, got 1.0"),
        ({"drop_after": (-2,)}, r"drop_after must be numbers of epochs, got \(-2,\)"),
        ({"weight_range": -0.05}, "weight_range must be finite and at least 0, got -0.05"),
    ],
)
def test_parameters_out_of_their_range_are_refused(model, change, message):
    with pytest.raises(ValueError, match=message):
        model.build(model.params({"hidden": (3,), "outputs": 10} | change))


def test_best_pairs_differs_from_best_fields_in_its_feedback_alone(model):
    fields, pairs = (dataclasses.asdict(model.params(preset=name)) for name in ("best_fields", "best_pairs"))
    assert {name for name in fields if fields[name] != pairs[name]} == {"pathway", "feedback_pairs", "feedback_range"}


def test_best_wide_differs_from_best_pairs_in_its_widths_alone(model):
    pairs, wide = (dataclasses.asdict(model.params(preset=name)) for name in ("best_pairs", "best_wide"))
    assert {name for name in pairs if pairs[name] != wide[name]} == {"hidden"}


def test_hidden_units_hear_the_errors_of_two_classes(small):
    """Every pair of classes is drawn, in either order; each unit hears all output units of its two."""
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
    net = small(5, loss="cross_entropy", eta_first=3.0, eta_output=0.5, dtype="float64", gamma=0.0)
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
        net = small(20, release=0.7)
        net.stimulus.show_images(np.full((200, 64), pixel, np.float32), np.zeros(200, int))
        spikes = 0.0
        for _ in range(50):
            net.run_steps(1)
            spikes += net["image"].view("s").sum()
        n = 50 * 20 * 64
        assert abs(spikes - n * p) < 5 * np.sqrt(n * p * (1 - p))


@pytest.mark.parametrize("release", [0.0, -0.1, 1.5])
def test_release_that_is_no_probability_is_refused(model, release):
    with pytest.raises(ValueError, match=f"release must be above 0 and at most 1, got {release}"):
        model.build(model.params({"release": release}))


def test_cross_entropy_by_backpropagation_hears_the_output_error_itself(small, digits):
    net = small(5, loss="cross_entropy", pathway="transpose", dtype="float64")
    net.stimulus.show_images(digits.train_images[:25], digits.train_labels[:25])
    net.run_steps(24)
    error, hidden = net["error_output"], net["feedback_h2"]
    np.testing.assert_array_equal(error.view("delta"), error.view("u"))
    psi = np.exp(-net["h2"].view("v")) / (1 + np.exp(-net["h2"].view("v"))) ** 2
    np.testing.assert_allclose(hidden.view("delta"), hidden.view("u") * psi, rtol=1e-12, atol=1e-300)


def test_the_centred_rule_learns_without_the_mean(small, digits):
    """Against the products by hand: presynaptic spikes less their running means, and the bias as ever."""
    net = small(5, mean_steps=20, dtype="float64", gamma=0.0)
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
    params = model.params({"drop_after": (2, 3), "drop_by": 10.0})
    assert [model.learning_rate(params, epoch) for epoch in range(5)] == pytest.approx(
        [1, 1, 0.1, 0.01, 0.01]
    )
    assert model.learning_rate(model.params(), 100) == 1.0


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
