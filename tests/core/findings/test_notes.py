"""Each note on a curve that must have it and on one that only just must not."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from core.findings.notes import Note, notes_on
from core.findings.thresholds import (
    DIVERGING_NATS,
    DIVERGING_SHARE,
    DIVERGING_STEPS,
    FLAT_NATS,
    JUST_BEGUN_SHARE,
    OVERFITTING_ESTIMATES,
    STRETCH_ESTIMATES,
)
from core.records.records import Estimate, StepRecord
from tests.curves import (
    LINES,
    LITTLE,
    NOT_QUITE_UP,
    UP,
    curve,
    ending,
    random_run,
    taken,
    turning,
)

STATES = {"diverging", "diverged", "overfitting", "flat", "worse", "learning"}
SPEECH = [4.2, 3.0, 2.6, 2.4, 2.2, 2.0, 1.9, 1.8, 1.7, 1.6, 1.5]
"""A good run's validation estimates."""


def notes_of(
    estimates: Sequence[Estimate] = (), steps: Sequence[StepRecord] = (), max_iters: int = 1000
) -> dict[str, Note]:
    """The notes by kind; there are never two of one kind."""
    notes = notes_on(estimates, steps, LINES, max_iters)
    by_kind = {note.kind: note for note in notes}
    assert len(by_kind) == len(notes)
    return {str(kind): note for kind, note in by_kind.items()}


# --- lines ----------------------------------------------------------------------------------------

CROSSINGS = [
    ("unigram", "passed_unigram", "passed the unigram line (3.347)"),
    ("bigram", "beat_bigram", "beat the bigram counts (2.482)"),
    ("5-gram", "beat_5gram", "beat a counted 5-gram (1.669)"),
]
each_crossing = pytest.mark.parametrize(("name", "kind", "said"), CROSSINGS)


@each_crossing
def test_a_line_is_passed_at_the_first_estimate_below_it(name: str, kind: str, said: str) -> None:
    line = next(x.loss_nats for x in LINES if x.name == name)
    note = notes_of(curve([5.0, line, line - LITTLE, line - 0.1]))[kind]
    assert (note.step, note.text) == (200, f"{said} at step 200")
    assert note.numbers[0] == ("validation estimate at step 200", line - LITTLE)
    assert note.numbers[1][1] == line and name in note.numbers[1][0]


@each_crossing
def test_a_line_that_is_only_reached_is_not_passed(name: str, kind: str, said: str) -> None:
    line = next(x.loss_nats for x in LINES if x.name == name)
    assert kind not in notes_of(curve([5.0, line, line]))


def test_a_crossing_that_the_next_estimate_undoes_does_not_count() -> None:
    assert notes_of(curve([4.2, 2.4, 2.5, 2.4, 2.4]))["beat_bigram"].step == 300
    assert "beat_bigram" not in notes_of(curve([4.2, 2.4, 2.5, 2.5]))
    back_on_the_line = LINES[2].loss_nats
    assert "beat_bigram" not in notes_of(curve([4.2, 2.4, back_on_the_line]))


def test_the_last_estimate_counts_until_there_is_a_next() -> None:
    note = notes_of(curve([4.2, 2.6, 2.4]))["beat_bigram"]
    assert note.step == 200 and note.text.endswith("at step 200, so far")
    assert "below the bigram counts, which no next one can undo yet;" in note.rule
    note = notes_of(curve([4.2, 2.6, 2.4, 2.4]))["beat_bigram"]
    assert note.text.endswith("at step 200")
    assert "below the bigram counts, and the next is below too;" in note.rule


def test_what_was_passed_stays_passed() -> None:
    assert notes_of(curve([4.2, 2.4, 2.4, 3.0, 3.0]))["beat_bigram"].step == 100


def test_a_line_that_there_is_not_is_not_passed() -> None:
    kinds = {note.kind for note in notes_on(curve(SPEECH), (), LINES[:2], 1000)}
    assert "passed_unigram" in kinds and not kinds & {"beat_bigram", "beat_5gram"}


# --- best -----------------------------------------------------------------------------------------


def test_the_best_is_the_first_of_the_lowest() -> None:
    note = notes_of(curve([4.2, 2.1, 2.0321, 2.0321, 2.05]))["best"]
    assert (note.step, note.text) == (200, "best validation estimate 2.032 at step 200")
    assert note.numbers == (("validation estimate at step 200", 2.0321),)


def test_the_only_estimate_is_not_called_the_best() -> None:
    assert "best" not in notes_of(curve([4.2]))
    assert notes_of(curve([4.2, 4.3]))["best"].step == 0


# --- overfitting ----------------------------------------------------------------------------------


def test_validation_that_turns_up_while_training_falls_is_overfitting() -> None:
    note = notes_of(turning([0.0, UP, UP, 0.1234], [0.0, UP, UP, 0.25]))["overfitting"]
    assert note.step == 300
    assert note.text == (
        "overfitting since step 300: the validation estimate rose by 0.123 nats while the training "
        "estimate fell by 0.250"
    )
    numbers = dict(note.numbers)
    assert numbers["validation estimate at step 300"] == 2.0
    assert numbers["training estimate at step 700"] == 1.9 - 0.25
    assert numbers["rise"] == (2.0 + 0.1234) - 2.0


@pytest.mark.parametrize("which", range(OVERFITTING_ESTIMATES))
def test_each_of_the_last_estimates_has_to_show_overfitting(which: int) -> None:
    enough = [UP] * OVERFITTING_ESTIMATES
    assert "overfitting" in notes_of(turning(enough, enough))
    almost = [*enough]
    almost[which] = NOT_QUITE_UP
    assert "overfitting" not in notes_of(turning(almost, enough))
    assert "overfitting" not in notes_of(turning(enough, almost))


def test_two_bad_estimates_are_not_yet_overfitting() -> None:
    n = OVERFITTING_ESTIMATES - 1
    assert "overfitting" not in notes_of(turning([0.5] * n, [0.5] * n))


def test_a_new_best_ends_overfitting() -> None:
    rises, falls = [UP, UP, UP], [UP, UP, UP]
    assert "overfitting" in notes_of(turning(rises, falls))
    assert "overfitting" not in notes_of(turning([*rises, -LITTLE], [*falls, UP]))


def test_both_losses_rising_is_not_overfitting() -> None:
    assert "overfitting" not in notes_of(turning([0.5] * 4, [-0.4] * 4))


# --- flat or still learning -----------------------------------------------------------------------


def test_a_fall_below_the_threshold_is_flat() -> None:
    notes = notes_of(ending(2.0, 2.0 - FLAT_NATS + LITTLE, 2.0))
    assert "learning" not in notes
    assert notes["flat"].step == 600
    assert notes["flat"].text == (
        "flat: the best validation estimate fell by only 0.010 nats after step 600"
    )


def test_a_fall_from_the_threshold_on_is_learning() -> None:
    notes = notes_of(ending(2.0, 2.0, 2.0 - FLAT_NATS - LITTLE))
    assert "flat" not in notes
    assert notes["learning"].step == 600
    assert notes["learning"].text == (
        "still learning: the best validation estimate fell by 0.010 nats after step 600"
    )
    assert notes["learning"].numbers == (
        ("validation estimate at step 600", 2.0),
        ("validation estimate at step 900", 2.0 - FLAT_NATS - LITTLE),
        ("fall", 2.0 - (2.0 - FLAT_NATS - LITTLE)),
    )


def test_the_stretch_is_a_quarter_of_a_long_curve() -> None:
    val = [4.0 - 0.1 * i for i in range(12)] + [2.9] * 4  # the last quarter of 16
    assert "flat" in notes_of(curve(val), max_iters=1500)
    assert "learning" in notes_of(curve(val[:-1]), max_iters=1500)  # still reaches over the edge


@pytest.mark.parametrize("noise", [(0.3, 0.0, 0.0), (0.0, 0.0, 0.3)])
def test_one_high_estimate_makes_no_trend(noise: tuple[float, float, float]) -> None:
    falling = [2.0 - 0.02 * (i + 1) + noise[i] for i in range(3)]
    assert "learning" in notes_of(ending(*falling))
    assert "flat" in notes_of(ending(*(2.0 + x for x in noise)))


def test_a_curve_that_rises_is_said_to_rise() -> None:
    """A best never rises: it is the lowest of the stretch that lies above the best before it."""
    small, large = notes_of(ending(2.005, 2.005, 2.005)), notes_of(ending(2.2, 2.2, 2.2))
    assert small["flat"].text == (
        "flat: the lowest validation estimate after step 600 is 2.005, 0.005 nats above the best"
    )
    assert large["worse"].text == (
        "worse than before: the lowest validation estimate after step 600 is 2.200, 0.200 nats "
        "above the best"
    )
    assert large["worse"].numbers[-1] == ("rise", 2.2 - 2.0)


def test_of_a_run_that_has_just_begun_no_trend_is_said() -> None:
    estimates = curve([4.2] * 6)
    began = round(estimates[-1].step / JUST_BEGUN_SHARE)
    assert "flat" in notes_of(estimates, max_iters=began)
    assert "flat" not in notes_of(estimates, max_iters=began + 1)
    assert not STATES & set(notes_of(curve(SPEECH[:4]), max_iters=10_000))


def test_a_trend_needs_something_before_the_stretch() -> None:
    assert "flat" in notes_of(curve([4.2] * (STRETCH_ESTIMATES + 1)), max_iters=100)
    assert "flat" not in notes_of(curve([4.2] * STRETCH_ESTIMATES), max_iters=100)


# --- diverging ------------------------------------------------------------------------------------

N = DIVERGING_STEPS


def test_a_clear_rise_of_the_step_losses_is_diverging() -> None:
    steps = taken([4.0] * N + [2.5] * N + [2.6] * N + [2.5 + DIVERGING_NATS + LITTLE] * N)
    note = notes_of(steps=steps)["diverging"]
    assert note.step == 2 * N
    assert note.text == (
        "diverging after step 40: the loss of the steps rose by 0.300 nats to 2.800"
    )
    assert note.numbers[0] == ("median of the lowest 20 steps, up to step 40", 2.5)
    almost = taken([4.0] * N + [2.5] * N + [2.6] * N + [2.5 + DIVERGING_NATS - LITTLE] * N)
    assert "diverging" not in notes_of(steps=almost)


def test_diverging_begins_after_the_last_step_that_was_as_good_as_the_lowest() -> None:
    """Not where the stretch that is compared happens to end."""
    steps = taken([4.0] * N + [2.5] * N + [2.5] * 7 + [3.0] * (N - 7) + [3.5] * N)
    note = notes_of(steps=steps)["diverging"]
    assert (note.step, note.numbers[0][0]) == (47, "median of the lowest 20 steps, up to step 40")


def test_above_the_uniform_line_a_small_rise_is_enough() -> None:
    uniform = LINES[0].loss_nats
    rising = [uniform - 0.05] * N + [uniform + LITTLE] * N
    assert "diverging" in notes_of(steps=taken(rising))
    assert "diverging" not in notes_of(steps=taken([x - 2 * LITTLE for x in rising]))
    assert "diverging" not in notes_of(steps=taken([uniform + 0.3] * N + [uniform + 0.2] * N))


def test_a_rise_within_the_spread_of_the_steps_is_noise() -> None:
    spread = [2.0] * (N - 1)
    assert "diverging" in notes_of(steps=taken([*spread, 2.5, *[2.5 + LITTLE] * N]))
    assert "diverging" not in notes_of(steps=taken([*spread, 2.5, *[2.5 - LITTLE] * N]))


def test_a_few_bad_steps_are_not_diverging() -> None:
    half = N // 2
    assert "diverging" not in notes_of(steps=taken([2.0] * (2 * N - half + 1) + [9.0] * (half - 1)))
    assert "diverging" in notes_of(steps=taken([2.0] * (2 * N - half - 1) + [9.0] * (half + 1)))


def test_stretches_grow_with_a_long_run() -> None:
    n_steps = round(2 * N / DIVERGING_SHARE)  # stretches of 2 N
    assert "diverging" not in notes_of(steps=taken([2.0] * (n_steps - N + 1) + [9.0] * (N - 1)))
    assert "diverging" in notes_of(steps=taken([2.0] * (n_steps - N - 1) + [9.0] * (N + 1)))


def test_fewer_steps_than_two_stretches_are_not_judged() -> None:
    losses = [2.0] * N + [9.0] * N
    assert "diverging" in notes_of(steps=taken(losses))
    assert "diverging" not in notes_of(steps=taken(losses[1:]))


@pytest.mark.parametrize("seed", range(20))
def test_noise_of_the_smallest_batches_is_not_diverging(seed: int) -> None:
    """32 characters a step scatter by about 0.4 nats."""
    rng = random.Random(seed)
    losses = [max(2.2, 4.2 - 0.01 * i) + rng.gauss(0.0, 0.4) for i in range(2000)]
    assert not any("diverging" in notes_of(steps=taken(losses[:n])) for n in range(500, 2001, 250))
    risen = losses + [3.9 + rng.gauss(0.0, 0.4) for _ in range(200)]
    assert "diverging" in notes_of(steps=taken(risen))


def test_a_thinned_selection_of_the_steps_will_do() -> None:
    note = notes_of(steps=taken([2.5] * N + [3.5] * N, every=50))["diverging"]
    assert note.step == 50 * N
    assert "step 1,000" in note.text


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_diverging_and_the_rest_still_holds(broken: float) -> None:
    in_a_step = notes_of(curve(SPEECH), taken([4.0, 3.9, broken, broken]))
    assert in_a_step["diverging"].step == 3
    assert in_a_step["diverging"].text == "diverging: the loss at step 3 is not a finite number"
    in_an_estimate = notes_of([*curve(SPEECH), Estimate(1100, broken, 1.4)], max_iters=1100)
    assert in_an_estimate["diverging"].step == 1100
    assert in_an_estimate["best"].numbers == (("validation estimate at step 1,000", 1.5),)


# --- diverged -------------------------------------------------------------------------------------

AWAY = DIVERGING_NATS + LITTLE
UP_THERE = [3.402, 3.398, 3.405, 3.399, 3.401]
"""As flat as can be."""


def test_a_run_that_went_up_is_said_to_have_diverged_with_best_peak_and_now() -> None:
    note = notes_of(curve([4.2, 2.721, 3.1, 3.512, 3.401]))["diverged"]
    assert note.step == 100
    assert note.text == (
        "diverged after step 100, from 2.721 nats up to 3.512, and is at 3.401 now"
    )
    assert dict(note.numbers).items() >= {
        "validation estimate at step 100": 2.721, "validation estimate at step 300": 3.512,
        "validation estimate at step 400": 3.401,
    }.items()  # fmt: skip
    still_rising = notes_of(curve([4.2, 2.721, 3.401]))["diverged"]
    assert still_rising.text == "diverged after step 100, from 2.721 nats up to 3.401"


def test_a_divergence_began_after_the_last_step_that_was_still_good() -> None:
    """A rate raised in mid-run does its harm between two estimates that lie far apart."""
    good, bad = [2.9 - 0.001 * i for i in range(380)], [3.4] * 120
    note = notes_of(curve([4.2, 2.721, 2.9, 2.9, 3.512]), taken(good + bad))["diverged"]
    assert note.step == 380
    assert note.text == "diverged after step 380, from 2.721 nats at step 100 up to 3.512"
    # Steps that come later than the first estimate away are no sign of health.
    dips = taken([*good, *bad[:20], *([2.0] * 100)])
    late = notes_of(curve([4.2, 2.721, 2.9, 2.9, 3.512, 3.5]), dips)["diverged"]
    assert late.step == 380


def test_that_it_is_flat_up_there_does_not_undo_a_divergence() -> None:
    """Nor does it, however long that lasts; the rule on the steps forgets sooner or later."""
    for n in range(1, 40):
        kinds = STATES & set(notes_of(curve([4.2, 2.721, *(n * UP_THERE)]), max_iters=20_000))
        assert kinds == {"diverged"}


def test_it_is_over_when_the_loss_is_back_and_not_before() -> None:
    went_up = [4.2, 2.7, 3.4, 3.4, 3.0]
    assert "diverged" in notes_of(curve([*went_up, 2.7 + UP]))
    assert "diverged" not in notes_of(curve([*went_up, 2.7 + NOT_QUITE_UP]))
    assert "diverged" not in notes_of(curve([*went_up, 2.6]))


def test_a_divergence_is_clear_or_above_the_uniform_line() -> None:
    uniform = LINES[0].loss_nats
    assert "diverged" in notes_of(curve([4.2, 2.7, 2.7 + AWAY, 2.8]))
    assert "diverged" not in notes_of(curve([4.2, 2.7, 2.7 + DIVERGING_NATS - LITTLE, 2.8]))
    assert "diverged" in notes_of(curve([uniform, uniform + UP]))
    assert "diverged" not in notes_of(curve([uniform, uniform + NOT_QUITE_UP]))


def test_where_training_did_not_rise_as_far_it_is_not_diverging() -> None:
    val, enough = [4.2, 2.0, 2.2, 2.4, 2.5], [4.0, 1.9, 2.0, 2.1, 1.9 + AWAY]
    assert "diverged" in notes_of(curve(val, enough))
    assert "diverged" not in notes_of(curve(val, [*enough[:-1], 1.9 + DIVERGING_NATS - LITTLE]))
    falling = [4.0, 1.9, 1.7, 1.6, 1.5]
    assert STATES & set(notes_of(curve(val, falling))) == {"overfitting"}


def test_what_has_diverged_is_said_rather_than_that_steps_rose() -> None:
    steps = taken([2.7] * N + [3.4] * N)
    assert STATES & set(notes_of(curve([4.2, 2.7]), steps)) == {"diverging"}
    assert STATES & set(notes_of(curve([4.2, 2.7, 3.4]), steps)) == {"diverged"}


# --- in bits --------------------------------------------------------------------------------------


def test_every_loss_of_a_note_is_said_in_bits_from_what_was_measured() -> None:
    """Once rounded: 0.99951 nats are 1.442 bits, and 1.000 nats would be 1.443."""
    estimates = curve([4.2, 3.0, 2.0, 0.99951])
    best = next(n for n in notes_on(estimates, (), LINES, 100, in_bits=True) if n.kind == "best")
    assert best.text == "best validation estimate 1.442 at step 300"
    assert best.numbers == (("validation estimate at step 300", 0.99951),)


@pytest.mark.parametrize("seed", range(100))
def test_in_bits_no_sentence_speaks_of_nats(seed: int) -> None:
    estimates, steps = random_run(seed)
    nats = notes_on(estimates, steps, LINES, 1000)
    bits = notes_on(estimates, steps, LINES, 1000, in_bits=True)
    assert [(n.kind, n.step, n.numbers) for n in nats] == [
        (n.kind, n.step, n.numbers) for n in bits
    ]
    for note in bits:
        assert "nats" not in note.text + note.rule
        assert f"{note.numbers[-1][1] / math.log(2):.3f}" in note.text


# --- all together ---------------------------------------------------------------------------------


def test_a_good_run_from_its_beginning_to_its_end() -> None:
    notes = notes_on(curve(SPEECH), taken([4.0 - 0.002 * i for i in range(1000)]), LINES, 1000)
    assert [(note.kind, note.step) for note in notes] == [
        ("passed_unigram", 100),
        ("beat_bigram", 300),
        ("learning", 700),
        ("beat_5gram", 900),
        ("best", 1000),
    ]


def test_nothing_is_said_of_nothing() -> None:
    assert notes_on((), (), LINES, 1000) == []
    assert notes_on((), (), (), 1) == []


def test_trouble_silences_what_would_make_light_of_it() -> None:
    enough = [UP] * OVERFITTING_ESTIMATES
    overfitting, rising = turning(enough, enough), taken([2.0] * N + [3.0] * N)
    assert STATES & set(notes_of(overfitting)) == {"overfitting"}
    assert STATES & set(notes_of(overfitting, rising)) == {"diverging"}
    assert STATES & set(notes_of(ending(2.0, 1.9, 1.8), rising)) == {"diverging"}


def test_the_random_runs_show_every_kind() -> None:
    """Otherwise the next two tests would say less than they seem to."""
    kinds = {kind for seed in range(100) for kind in notes_of(*random_run(seed))}
    assert kinds == STATES | {"best", *(kind for _, kind, _ in CROSSINGS)}


@pytest.mark.parametrize("seed", range(100))
def test_every_note_names_its_step_its_rule_and_its_numbers(seed: int) -> None:
    estimates, steps = random_run(seed)
    notes = notes_on(estimates, steps, LINES, 1000)
    assert [note.step for note in notes] == sorted(note.step for note in notes)
    assert len(STATES & {note.kind for note in notes}) <= 1
    measured = {e.val_loss_nats for e in estimates} | {e.train_loss_nats for e in estimates}
    for note in notes:
        assert f"step {note.step:,}" in note.text
        assert note.rule.endswith(".") and note.rule.count(". ") == 0
        assert f"{note.numbers[-1][1]:.3f}" in note.text
        for label, nats in note.numbers:
            assert "estimate" not in label or nats in measured
