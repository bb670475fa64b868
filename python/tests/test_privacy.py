"""The check and the accountant."""

import math

import pytest

import dpflsim


def test_epsilon_of_one_gaussian_release():
    """Balle and Wang (2018), Theorem 8: delta of the Gaussian mechanism in closed form."""
    z, delta = 2.0, 1e-5
    answer = dpflsim.epsilon(noise_multiplier=z, sample_rate=1, steps=1, delta=delta)

    def normal(x):
        return math.erfc(-x / math.sqrt(2)) / 2

    def exact(epsilon):
        return normal(1 / (2 * z) - epsilon * z) - math.exp(epsilon) * normal(-1 / (2 * z) - epsilon * z)

    assert exact(answer.epsilon) <= delta < exact(answer.epsilon * 0.99)
    assert (answer.unit, answer.relation) == ("example", "add-or-remove-one")
    assert answer.epsilon == min(bound.epsilon for bound in answer.bounds if bound.epsilon is not None)
    assert len(answer.frame()) == len(answer.bounds) and answer.refusals == []


def test_calibration_turns_it_around():
    plan = {"sample_rate": 0.02, "steps": 200, "delta": 1e-5, "selections": 2, "selection_epsilon": 0.1}
    found = dpflsim.calibrate(target_epsilon=1.5, **plan)
    assert found.epsilon <= 1.5
    # Gaussian accounting cannot interpret subsampled steps, and says so.
    assert [one.accountant for one in found.refusals] == ["gdp"] and "full-batch" in found.refusals[0].reason
    again = dpflsim.epsilon(noise_multiplier=found.noise_multiplier, **plan)
    assert again.epsilon == pytest.approx(found.epsilon)
    with pytest.raises(dpflsim.InvalidInput):
        dpflsim.calibrate(target_epsilon=0.1, **plan | {"selection_epsilon": 5})


def test_check(tiny):
    report = dpflsim.check(tiny)
    assert not report.refused and report.scenario == "tiny"
    assert sum(len(group.clients) for group in report.groups) == 8
    assert all(group.epsilon <= 5 for group in report.groups)
    assert report.cost.trained_examples > 0
    assert set(report.frame()["severity"]) <= {"critical", "warning", "note"}


def test_check_refuses_without_raising(tiny):
    report = dpflsim.check(tiny, privacy__target_delta=0.5)
    assert report.refused
    assert [finding.rule for finding in report.findings if finding.severity == "critical"] == ["DP102"]
