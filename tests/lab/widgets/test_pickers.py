"""Labels of runs: enough to tell them apart, and nothing that moves while one trains."""

from __future__ import annotations

import re

from core.runs.lab import Lab
from core.text.corpus import Corpus
from lab.widgets.pickers import run_label, short_run_label
from tests.helpers import small_run, train, trained


def test_a_label_says_model_loss_shape_text_and_date(lab: Lab, corpus: Corpus) -> None:
    run = lab.run(trained(lab, corpus, "transformer", name="quick fox", n_layer=3))
    label = run_label(run)
    date = label.rsplit(" · ", 1)[1]
    told = f"quick fox · transformer · loss {run.best_val_loss_nats:.3f}"
    assert label == f"{told} · block size 8 · 3 × 2 heads · tiny · {date}"
    assert re.fullmatch(r"\d{1,2} [A-Z][a-z]{2} \d\d:\d\d", date)
    assert short_run_label(run) == f"{told} · {date}"


def test_a_table_has_no_heads(lab: Lab, corpus: Corpus) -> None:
    label = run_label(lab.run(trained(lab, corpus)))
    assert "block size 8 · tiny" in label and "heads" not in label


def test_a_run_in_training_keeps_its_label(lab: Lab, corpus: Corpus) -> None:
    run_id = small_run(lab, corpus, "attention")
    before = run_label(lab.run(run_id))
    train(lab, run_id, until=20)
    assert run_label(lab.run(run_id)) == before and "loss" not in before


def test_two_runs_of_the_same_settings_differ_by_more_than_their_names(
    lab: Lab, corpus: Corpus
) -> None:
    first, second = (lab.run(trained(lab, corpus, seed=seed)) for seed in (1, 2))
    assert run_label(first).split(" · ")[1:] != run_label(second).split(" · ")[1:]
