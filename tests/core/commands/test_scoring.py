"""`score`, `memorised` and `corpus stats`, in the names and numbers that scripts rely on."""

from __future__ import annotations

import math

import pytest

from core.runs.lab import Lab
from core.text.corpus import Corpus
from core.text.repeats import verbatim_passages
from core.text.statistics import statistics_of
from core.training.evaluation import split_loss
from tests.helpers import CommandLine, trained


@pytest.fixture
def cli(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def test_every_run_scores_the_same_text(
    cli: CommandLine, lab: Lab, corpus: Corpus, best_at_20: None
) -> None:
    ids = [
        trained(lab, corpus, "bigram", name="pairs"),
        trained(lab, corpus, "transformer", name="owl"),
    ]
    text = "OWL:\nto b"  # as long as the small transformer's block size, and one more
    fields = cli.ok("score", "pairs", "owl", "--text", text)
    assert fields.keys() == {"text", "runs"} and fields["text"] == text
    assert [run["run"] for run in fields["runs"]] == ids
    for run in fields["runs"]:
        loaded = lab.model(lab.run(run["run"]), "best")
        loss = split_loss(loaded.model, loaded.vocabulary.encode(text))
        assert run.keys() == {"run", "bits", "total_bits"}
        assert len(run["bits"]) == len(text) - 1
        assert run["total_bits"] == pytest.approx(sum(run["bits"]))
        assert run["total_bits"] == pytest.approx(loss * (len(text) - 1) / math.log(2), rel=1e-5)
    assert "pairs, best checkpoint" in cli.stderr and "bits per character" in cli.stderr
    last = cli.ok("score", "owl", "--text", text, "--checkpoint", "last")
    assert last["runs"][0]["bits"] != fields["runs"][1]["bits"]


def test_a_text_that_cannot_be_scored_is_refused(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    trained(lab, corpus, "bigram", name="pairs")
    assert "‘é’" in cli.refused("score", "pairs", "--text", "café")
    assert "pairs" in cli.stderr
    assert "two or more" in cli.refused("score", "pairs", "--text", "a")
    assert "no run" in cli.refused("score", "pairs", "nobody", "--text", "to be")


def test_what_was_learned_by_heart_is_found_in_the_training_split(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    trained(lab, corpus, "bigram", name="pairs")
    train, val = corpus.text[: corpus.n_train], corpus.text[corpus.n_train :]
    text = f"{train[40:90]}#{val[:200]}"
    fields = cli.ok("memorised", "pairs", "--text", text)
    passages = fields["passages"]
    assert passages == cli.ok("memorised", "tiny", "--text", text)["passages"]
    assert {frozenset(p) for p in passages} == {frozenset({"start", "length", "at"})}
    assert [p["length"] for p in passages] == sorted((p["length"] for p in passages), reverse=True)
    assert any(p["start"] == 0 and p["length"] >= 50 for p in passages)
    for p in passages:
        assert train[p["at"] :][: p["length"]] == text[p["start"] :][: p["length"]]
        assert p["length"] >= 20
    few = cli.ok("memorised", "tiny", "--text", text, "--least", 45)["passages"]
    assert few == [p for p in passages if p["length"] >= 45]
    assert len(few) == len(verbatim_passages(text, train, 45))
    assert "% of the text" in cli.stderr
    assert "corpus" in cli.refused("memorised", "nobody", "--text", "to be")


def test_figures_of_a_text(cli: CommandLine, corpus: Corpus) -> None:
    fields = cli.ok("corpus", "stats", "tiny")
    found = statistics_of(corpus)
    assert fields["n_chars"] == fields["n_train"] + fields["n_val"] == len(corpus.text)
    assert [e["context"] for e in fields["entropies"]] == [0, 1, 2, 3, 4, 5]
    assert [e["cross_nats"] for e in fields["entropies"]] == [o.cross_nats for o in found.orders]
    assert [r["places"] for r in fields["repeats"]] == [[*r.places] for r in found.repeats]
    word, times = found.words.by_rank[0]
    assert fields["words"][0] == {"rank": 1, "word": word, "times": times}
    assert fields["n_words"] == found.words.n_words
    assert cli.code("corpus", "stats", "tiny") == 0
    assert "more than once, the longest first" in cli.stdout and "\u23ce" not in cli.stdout
    assert cli.refused("corpus", "stats", "nothing")


def test_a_text_too_short_to_measure_has_empty_places(cli: CommandLine, lab: Lab) -> None:
    lab.library.add("short", b"abab abab", "short")
    fields = cli.ok("corpus", "stats", "short")
    assert fields["entropies"][-1]["val_nats"] is None
    assert fields["zipf_exponent"] is None
