import numpy as np
import pytest

from skid.engine import Program, train
from skid.engine.validation import EarlyStopping

BY_XLA = True


def test_least_squares_are_found(program, make_feed, start, constants, make_controls):
    training = train(
        program,
        make_feed(),
        start,
        make_controls(600),
        rows_per_step=8,
        seed=0,
        constants=constants,
    )
    np.testing.assert_allclose(training.parameters["weight"], [1, -2, 0.5], atol=1e-3)
    assert training.losses.shape == (600,)
    assert (training.n_steps, training.interrupted) == (600, False)
    assert all(isinstance(value, np.ndarray | np.generic) for value in training.moments[1].values())


def test_validation_and_reports_do_not_change_the_training(
    program, make_feed, start, constants, make_controls
):
    common = {"rows_per_step": 8, "seed": 0, "constants": constants}
    controls = make_controls(300, noise_scale=0.1)
    plain = train(program, make_feed(), start, controls, **common)
    seen = []
    watched = train(
        program,
        make_feed(),
        start,
        controls,
        **common,
        early_stopping=EarlyStopping(lambda parameters: -float(parameters["steps"]), 70),
        steps_between_reports=33,
        report=lambda training: seen.append(training.losses),
    )
    np.testing.assert_array_equal(watched.parameters["weight"], plain.parameters["weight"])
    np.testing.assert_array_equal(watched.losses, plain.losses)
    np.testing.assert_array_equal(seen[-1], plain.losses)
    assert [len(losses) for losses in seen] == [*range(33, 300, 33), 300]
    assert [step for step, _ in watched.validations] == [70, 140, 210, 280, 300]


def test_a_training_goes_on_where_another_ended(
    program, make_feed, start, constants, make_controls
):
    controls = make_controls(200, noise_scale=0.1)
    common = {"rows_per_step": 8, "seed": 0, "constants": constants}
    whole = train(program, make_feed(), start, controls, **common)
    feed = make_feed()
    first = train(program, feed, start, controls[:70], **common)
    second = train(
        program,
        feed,
        first.parameters,
        controls[70:],
        **common,
        moments=first.moments,
        first_step=first.n_steps,
    )
    np.testing.assert_array_equal(second.parameters["weight"], whole.parameters["weight"])
    assert second.n_steps == 200


@pytest.fixture
def validated(program, make_feed, start, constants, make_controls):
    def run(losses, **settings):
        losses = iter(losses)
        return train(
            program,
            make_feed(),
            start,
            make_controls(100),
            rows_per_step=8,
            seed=0,
            constants=constants,
            early_stopping=EarlyStopping(lambda parameters: next(losses), 10, **settings),
        )

    return run


def test_the_parameters_with_the_least_validation_loss_are_kept(validated):
    training = validated([5, 4, 1, 2, 3, 1.5, 2, 2, 2, 2])
    assert int(training.parameters["steps"]) == 30
    assert training.n_steps == len(training.losses) == 100


def test_of_equal_validation_losses_the_later_parameters_are_kept(validated):
    training = validated([5, 1, 2, 1, 2, 2, 2, 2, 2, 2])
    assert int(training.parameters["steps"]) == 40


def test_training_stops_when_patience_ends(validated):
    training = validated([5, 4, 4.5, 3, 3.5, 3.2, 3.1], patience=3)
    assert int(training.parameters["steps"]) == 40
    assert training.n_steps == 70
    assert [step for step, _ in training.validations] == [10, 20, 30, 40, 50, 60, 70]


def test_an_improvement_within_the_tolerance_is_kept_but_does_not_count(validated):
    training = validated([5, 4.9, 4.8, 4.7], patience=3, tolerance=0.5)
    assert training.n_steps == int(training.parameters["steps"]) == 40


def test_a_report_can_end_the_training(program, make_feed, start, constants, make_controls):
    training = train(
        program,
        make_feed(),
        start,
        make_controls(100),
        rows_per_step=8,
        seed=0,
        constants=constants,
        steps_between_reports=20,
        report=lambda training: int(training.parameters["steps"]) == 60,
    )
    assert training.n_steps == int(training.parameters["steps"]) == 60
    assert not training.interrupted


@pytest.fixture
def train_until(program, make_feed, start, constants, make_controls, monkeypatch):
    """Train with calls of 50 steps, of which the given one is interrupted."""
    run, calls = Program.run, []

    def interrupted_training(call):
        def interrupted(self, *arguments):
            calls.append(1)
            if len(calls) == call:
                raise KeyboardInterrupt
            return run(self, *arguments)

        monkeypatch.setattr(Program, "run", interrupted)
        return train(
            program,
            make_feed(),
            start,
            make_controls(500),
            rows_per_step=8,
            seed=0,
            constants=constants,
            steps_between_reports=50,
            report=lambda training: False,
        )

    return interrupted_training


def test_an_interruption_keeps_what_was_reached(train_until):
    with pytest.warns(UserWarning, match="the training was interrupted after 100 steps"):
        training = train_until(3)
    assert training.interrupted
    assert training.n_steps == int(training.parameters["steps"]) == 100


def test_an_interruption_before_the_first_step_is_raised(train_until):
    with pytest.raises(KeyboardInterrupt):
        train_until(1)
