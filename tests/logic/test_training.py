"""Training, resuming, and the command, on small problems."""

import numpy as np
import pytest

from refimpl.cli import main
from refimpl.logic import command as module
from refimpl.logic import network as nets
from refimpl.logic import training
from refimpl.logic.checkpoint import load_run, save_run
from refimpl.logic.monk import monk
from refimpl.logic.netlist import load as load_netlist
from refimpl.training.optimizers import adam, adamw

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_steps_of_adam_in_place_are_those_of_the_optimiser(decay):
    params = [RNG.normal(size=(5, 16)), RNG.normal(size=(70000,))]
    grads = [[RNG.normal(size=p.shape) for p in params] for _ in range(3)]
    optimizer = adamw(0.01, weight_decay=decay) if decay else adam(0.01)
    wanted, state = params, optimizer.init(params)
    own = [p.copy() for p in params]
    moments = training.AdamState.zeros(own)
    for g in grads:
        wanted, state = optimizer.update(g, state, wanted)
        training.adam_step(own, g, moments, 0.01, weight_decay=decay)
    for ours, theirs in zip(own, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def problem():
    split = monk(1)
    network = nets.build(17, [24, 24, 24], classes=2, seed=0)
    return network, split.train_x > 0, split.train_y


def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not_been(tmp_path):
    network, x, y = problem()
    whole = training.start(nets.initial_params(network, 0), 0)
    training.train(network, whole, x, y, steps=30, every=10)
    first = training.start(nets.initial_params(network, 0), 0)
    training.train(network, first, x, y, steps=20, every=10)
    save_run(tmp_path / "run", first, {"seed": 0})
    again = load_run(tmp_path / "run", network, {"seed": 0})
    training.train(network, again, x, y, steps=30, every=10)
    for a, b in zip(again.params, whole.params, strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.curve == whole.curve


def test_a_run_of_other_options_is_refused_and_they_are_named(tmp_path):
    network, _, _ = problem()
    run = training.start(nets.initial_params(network, 0), 0)
    save_run(tmp_path / "run", run, {"seed": 0})
    with pytest.raises(ValueError, match="seed: 0 then, 1 now"):
        load_run(tmp_path / "run", network, {"seed": 1})
    (tmp_path / "run").write_bytes((tmp_path / "run").read_bytes()[:500])
    with pytest.raises(ValueError, match="not a readable npz file"):
        load_run(tmp_path / "run", network, {"seed": 0})


@pytest.mark.parametrize("name, value", [
    ("params0", np.full((24, 16), np.nan, np.float32)), ("mean1", np.zeros((24, 16), complex)),
    ("square2", np.zeros((24, 16), "S3")), ("params0", np.zeros((23, 16), np.float32)),
    ("state", np.array("[]")), ("state", np.array('{"steps": 1}')), ("layers", np.array(9)),
])  # fmt: skip
def test_damaged_runs_are_refused_by_name(tmp_path, name, value):
    network, _, _ = problem()
    path = tmp_path / "run"
    save_run(path, training.start(nets.initial_params(network, 0), 0), {"seed": 0})
    with np.load(path) as stored:
        held = {**stored, name: value}
    with open(path, "wb") as stream:
        np.savez(stream, **held)
    with pytest.raises(ValueError, match=f"{path.name}: "):
        load_run(path, network, {"seed": 0})


def test_training_lowers_the_loss_and_the_same_seed_gives_the_same_weights():
    network, x, y = problem()
    runs = [training.start(nets.initial_params(network, 0), 0) for _ in range(2)]
    for run in runs:
        training.train(network, run, x, y, steps=200, every=50)
    assert runs[0].curve[-1][1] < 0.7 * runs[0].curve[0][1]
    for a, b in zip(runs[0].params, runs[1].params, strict=True):
        np.testing.assert_array_equal(a, b)


def test_inputs_of_a_batch_are_bits_or_pixels():
    np.testing.assert_array_equal(training.as_inputs(np.array([True, False])), [1, 0])
    np.testing.assert_allclose(training.as_inputs(np.array([0, 255], np.uint8)), [0, 1])


@pytest.mark.slow
def test_monk_1_is_learned_perfectly(tmp_path, capsys):
    out = tmp_path / "monk1.npz"
    assert main(["logic", "train", "monk1", "--steps", "4000", "--out", str(out)]) == 0
    assert "test accuracy          100.00 %" in capsys.readouterr().out


@pytest.fixture
def model(tmp_path, capsys):
    path = tmp_path / "model.npz"
    small = ["--steps", "60", "--layers", "3", "--width", "20", "--every", "30"]
    assert main(["logic", "train", "monk1", *small, "--out", str(path)]) == 0
    assert "gates                  60" in capsys.readouterr().out
    return path


def test_the_command_evaluates_and_measures_a_model(model, capsys):
    assert main(["logic", "eval", str(model)]) == 0
    assert "test accuracy" in capsys.readouterr().out
    assert main(["logic", "bench", str(model)]) == 0
    assert "per second" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["c", "verilog", "blif", "aiger", "netlist"])
def test_the_command_exports_a_model(model, form, tmp_path):
    out = tmp_path / f"net.{form}"
    assert main(["logic", "export", str(model), "--format", form, "--out", str(out)]) == 0
    assert out.stat().st_size > 100
    if form == "netlist":
        assert load_netlist(out).inputs == 17


def test_an_interrupted_command_goes_on(tmp_path, capsys, monkeypatch):
    out = tmp_path / "model.npz"
    command = ["logic", "train", "monk2", "--steps", "40", "--every", "20", "--out", str(out)]
    saved = module.save_run

    def interrupt(*arguments):
        saved(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "save_run", interrupt)
    assert main(command) == 130
    monkeypatch.setattr(module, "save_run", saved)
    assert main(command) == 0
    assert "going on at step 20" in capsys.readouterr().out
    straight = tmp_path / "straight.npz"
    assert main([*command[:-1], str(straight)]) == 0
    for a, b in zip(nets.load(out)[1], nets.load(straight)[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_interrupted_run_is_not_continued_on_other_data(tmp_path, capsys, monkeypatch):
    rows = [f"{i % 7},{i % 5},{i % 2}" for i in range(60)]
    table, out = tmp_path / "table.csv", tmp_path / "model.npz"
    table.write_text("\n".join(["a,b,label", *rows]))
    small = ["--steps", "4", "--every", "2", "--layers", "2", "--width", "10"]
    command = ["logic", "train", str(table), *small, "--out", str(out)]
    saved = module.save_run

    def interrupt(*arguments):
        saved(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "save_run", interrupt)
    assert main(command) == 130
    monkeypatch.setattr(module, "save_run", saved)
    table.write_text("\n".join(["a,b,label", *rows[::-1]]))
    assert main(command) == 2
    assert "made with other options (contents:" in capsys.readouterr().err
    assert main([*command, "--restart"]) == 0


def test_the_accuracy_of_the_circuit_is_that_of_the_hard_network():
    network, x, y = problem()
    params = nets.initial_params(network, 3)
    found = training.accuracy(network, params, x, y)
    assert found == training.accuracy(network, params, x.astype(float), y)
    assert 0.3 < found < 0.7
    assert training.accuracy(network, params, x[:0], y[:0]) == 0


def test_a_loss_that_is_no_number_stops_the_training():
    network, x, y = problem()
    run = training.start(nets.initial_params(network, 0), 0)
    run.params[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="step 1: the loss is nan; lower learning_rate"):
        training.train(network, run, x, y, steps=3)


def test_a_csv_file_with_numbers_and_words_is_learned(tmp_path, capsys):
    rng = np.random.default_rng(0)
    rows = [(rng.integers(0, 9), rng.choice(["red", "blue"]), 7) for _ in range(400)]
    lines = [f"{n},{c},{k},{'yes' if (n > 4) == (c == 'red') else 'no'}" for n, c, k in rows]
    table = tmp_path / "table.csv"
    table.write_text("number,colour,constant,label\n" + "\n".join(lines) + "\n")
    out = tmp_path / "table.npz"
    options = ["--steps", "400", "--layers", "3", "--width", "40", "--tau", "2"]
    assert main(["logic", "train", str(table), *options, "--out", str(out)]) == 0
    text = capsys.readouterr().out
    found = float(text.split("test accuracy          ")[1].split(" %")[0])
    assert found > 90
    assert main(["logic", "eval", str(out)]) == 0
    assert f"{found:.2f} %  (discretised)" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, message", [
    (["eval", "nowhere.npz"], "nowhere.npz"),
    (["train", "minst"], "did you mean 'mnist'"),
    (["train", "nowhere.csv"], "nowhere.csv"),
    (["train", "monk1", "--layers", "0"], "--layers"),
    (["train", "monk1", "--every", "0"], "--every"),
    (["train", "monk1", "--seed", "-1"], "--seed"),
    (["train", "monk1", "--weight-decay", "-1"], "--weight-decay"),
    (["train", "monk1", "--width", "8"], "--width: 8 gates read at most 16 of 17 inputs, use 9"),
    (["train", "monk1", "--out", "nowhere/net.npz"], "--out: expected a file in an existing"),
])  # fmt: skip
def test_what_does_not_exist_is_told_in_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["logic", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
