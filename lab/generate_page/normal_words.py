"""What texts at other losses look like, and whether a text is as coherent as its loss promises.

Pure: texts that runs wrote while they were trained, each with the loss of that moment, in; choices
and sentences out.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from core.findings.meaning import is_worse_than_even, loss_in, percent, unsure_among
from core.generation.spelling import share_in_words
from core.records.records import Estimate, RunRecord, Sample
from lab.wording import words
from lab.wording.plain import plain

N_SHOWN = 6
NEAR_NATS = 0.1
"""A text counts as written at about the same loss."""
LEAST_GAP_NATS = 0.02
"""Texts closer than that look alike."""
ENOUGH = 3
"""From so many texts on it is said what is usual: one alone goes up and down with the dice."""


@dataclass(frozen=True)
class KeptText:
    """What a run wrote at one of its estimates, and the validation loss that it had there."""

    run_name: str
    model: str
    step: int
    loss_nats: float
    text: str


def kept_texts(
    run: RunRecord, samples: Sequence[Sample], estimates: Sequence[Estimate]
) -> list[KeptText]:
    """The samples of a run, each with the estimate of its step.

    Those without one are left out, and those of moments at which it was worse than even odds.
    """
    V = run.config.model.vocab_size
    losses = {
        estimate.step: estimate.val_loss_nats
        for estimate in estimates
        if not is_worse_than_even(estimate.val_loss_nats, V)
    }
    return [
        KeptText(run.name, run.model, sample.step, losses[sample.step], sample.text)
        for sample in samples
        if sample.text and sample.step in losses
    ]


def spread_by_loss(texts: Sequence[KeptText], at_nats: Sequence[float]) -> list[KeptText]:
    """At most `N_SHOWN` of the texts, the highest loss first.

    The nearest to each of some losses, the worst and the best, then always the one whose loss is
    furthest from those of the chosen ones, which spreads them evenly.
    """
    if not texts:
        return []
    ordered = sorted(texts, key=lambda text: -text.loss_nats)
    chosen: list[KeptText] = []
    for text in [*(nearest_to(nats, texts) for nats in at_nats), ordered[0], ordered[-1]]:
        if text not in chosen:
            chosen.append(text)

    def gap(text: KeptText) -> float:
        return min(abs(text.loss_nats - other.loss_nats) for other in chosen)

    while len(chosen) < N_SHOWN and gap(furthest := max(ordered, key=gap)) >= LEAST_GAP_NATS:
        chosen.append(furthest)
    return sorted(chosen[:N_SHOWN], key=lambda text: -text.loss_nats)


def nearest_to(nats: float, texts: Sequence[KeptText]) -> KeptText:
    """The text whose loss is nearest."""
    return min(texts, key=lambda text: abs(text.loss_nats - nats))


def kept_title(text: KeptText) -> str:
    """Where a kept text comes from, and at which loss it was written. Markdown."""
    return (
        f"**{loss_in(text.loss_nats)}**, {unsure_among(text.loss_nats)}: {plain(text.run_name)} "
        f"({text.model}), step {words.count(text.step)}"
    )


def normal_text(
    name: str, nats: float, added: str, texts: Sequence[KeptText], lexicon: AbstractSet[str] | None
) -> str:
    """How a text stands beside what runs wrote at about the same loss. Markdown.

    Args:
        lexicon: the words of the corpus; None for one that is not written in words.
    """
    said = f"**{plain(name)}** wrote at {loss_in(nats)}, {unsure_among(nats)}."
    near = [text for text in texts if abs(text.loss_nats - nats) <= NEAR_NATS]
    if not near:
        if not texts:
            return said
        nearest = nearest_to(nats, texts)
        return f"{said} No kept text is within {NEAR_NATS:g} nats; the nearest is at " + (
            f"{loss_in(nearest.loss_nats)}, by {plain(nearest.run_name)}."
        )
    n_runs = len({text.run_name for text in near})
    who = f"{len(near)} kept text{'s' * (len(near) > 1)} by {n_runs} run{'s' * (n_runs > 1)}"
    said += f" Within {NEAR_NATS:g} nats of it: {who}"
    if lexicon is None or not added:
        return f"{said}."
    shares = [share_in_words(text.text, lexicon) for text in near]
    own, low, high = share_in_words(added, lexicon), min(shares), max(shares)
    between = " to ".join(dict.fromkeys((percent(low), percent(high))))
    said += (
        f", {between} of whose characters stand in words of the corpus (three letters or more); "
        f"of this text {percent(own)}"
    )
    if len(near) < ENOUGH:
        return f"{said}."
    verdict = "as usual" if low <= own <= high else "more" if own > high else "less"
    return f"{said}: {verdict}{' than usual' * (verdict != 'as usual')} at this loss."
