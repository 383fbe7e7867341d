import random

import pytest

from marco_cli.evals.calibration import auroc, calibration_error, curve, threshold_for


def test_auroc_is_the_textbooks() -> None:
    """Two right and two wrong, one pair out of order; ties count half; a coin gives one half."""
    assert auroc([(0.1, False), (0.4, False), (0.35, True), (0.8, True)]) == 0.75
    assert auroc([(0.5, False), (0.5, True)]) == 0.5
    assert auroc([(0.1, False), (0.9, True)]) == 1.0
    assert auroc([(0.9, False), (0.1, True)]) == 0.0


def test_auroc_needs_both_kinds() -> None:
    """All right or all wrong says nothing about a signal."""
    assert auroc([(0.1, True), (0.9, True)]) is None
    assert auroc([]) is None


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    """The fast formula equals counting all pairs."""
    draw = random.Random(1)
    pairs = [(round(draw.random(), 1), draw.random() < 0.6) for _ in range(200)]
    right = [score for score, is_right in pairs if is_right]
    wrong = [score for score, is_right in pairs if not is_right]
    counted = sum((r > w) + 0.5 * (r == w) for r in right for w in wrong) / (len(right) * len(wrong))

    assert auroc(pairs) == pytest.approx(counted)


def test_bins_hold_every_answer_once() -> None:
    """About equal counts, ascending scores, equal scores together; the curve loses nobody."""
    draw = random.Random(2)
    pairs = [(round(draw.random(), 2), draw.random() < 0.5) for _ in range(103)]
    bins = curve(pairs)

    assert sum(each.num for each in bins) == 103
    assert [each.mean_score for each in bins] == sorted(each.mean_score for each in bins)
    assert len(curve([(0.7, True)] * 50)) == 1
    assert curve([]) == ()


def test_a_calibrated_signal_has_no_calibration_error() -> None:
    """Seven of ten right at 0.7 is exact; seven of ten right at 0.9 is off by 0.2."""
    assert calibration_error(curve([(0.7, n < 7) for n in range(10)])) == pytest.approx(0.0)
    assert calibration_error(curve([(0.9, n < 7) for n in range(10)])) == pytest.approx(0.2)
    assert calibration_error(()) == 0.0


def test_the_threshold_keeps_as_much_as_the_precision_allows() -> None:
    """The lowest cut whose kept answers are right often enough; none where no cut is."""
    pairs = [(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.5, True), (0.4, False)]

    cut = threshold_for(pairs, 0.8)
    assert cut is not None
    assert (cut.score, cut.precision, cut.num) == (0.5, 0.8, 5)
    assert cut.coverage == pytest.approx(5 / 6)
    assert threshold_for([(0.9, False), (0.8, True)], 0.9) is None


def test_a_threshold_does_not_split_equal_scores() -> None:
    """What scores the same is kept or dropped together."""
    assert threshold_for([(0.9, True), (0.9, False)], 0.9) is None
