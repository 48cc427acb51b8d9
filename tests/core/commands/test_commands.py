"""The command line, called in this process: its fields, its refusals and its order of flags."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from core.command_line import main
from core.library.intake import RARE
from core.library.texts import SHIPPED
from core.models import count_params
from core.runs.lab import Lab
from core.settings.config import ModelKind
from core.text.corpus import Corpus
from tests.helpers import (
    LAST_IS_WORSE_NATS,
    CommandLine,
    assert_same_run,
    play,
    small_flags,
    train,
    trained,
)

TRAIN_FIELDS = {
    "run", "status", "iter", "n_params", "train_loss", "val_loss", "best_val_loss", "best_iter",
    "train_seconds", "tokens_per_s", "world_size",
}  # fmt: skip


@pytest.fixture
def cli(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line of a lab with the tiny corpus in it."""
    return CommandLine(capsys)


def train_command(kind: ModelKind = "bigram", **changes: Any) -> list[str]:
    flags = (f"--{name}={value}" for name, value in small_flags(kind, **changes).items())
    return ["train", "--model", kind, "--corpus", "tiny", *flags]


# --- training -------------------------------------------------------------------------------------


def test_train_says_all_that_the_contract_names(
    cli: CommandLine, lab: Lab, kind: ModelKind
) -> None:
    fields = cli.ok(*train_command(kind), "--name", "owl")
    assert fields.keys() >= TRAIN_FIELDS
    record = lab.run("owl")
    assert fields["run"] == record.id
    assert (fields["status"], fields["iter"], fields["world_size"]) == ("finished", 40, 1)
    assert fields["n_params"] == count_params(record.config.model)
    assert (
        fields["val_loss"] == record.val_loss_nats
        and fields["train_loss"] == record.train_loss_nats
    )
    assert fields["best_iter"] in (0, 10, 20, 30, 40)
    assert fields["tokens_per_s"] == pytest.approx(40 * 4 * 8 / fields["train_seconds"])
    first, *_ = cli.stderr.splitlines()
    assert first == f"owl: {kind}, {record.n_params:,} parameters, corpus tiny"


def test_resume_says_the_same_and_where_it_began(cli: CommandLine, lab: Lab) -> None:
    run_id = cli.ok(*train_command())["run"]
    fields = cli.ok("resume", run_id, "--max_iters", "45")
    assert fields.keys() >= TRAIN_FIELDS | {"resumed_from"}
    assert (fields["resumed_from"], fields["iter"], fields["status"]) == (40, 45, "finished")


def test_resume_without_a_checkpoint_starts_again_and_says_so(cli: CommandLine, lab: Lab) -> None:
    run_id = cli.ok(*train_command())["run"]
    for path in lab.home.run_folder(run_id).glob("*.pt"):
        path.unlink()
    lab.store.update_run(run_id, status="running", checkpoint_step=0)
    fields = cli.ok("resume", run_id)
    assert (fields["resumed_from"], fields["iter"]) == (0, 40)
    assert cli.stderr.splitlines()[0].startswith("There was no checkpoint yet")


def test_eval_measures_what_training_measured(
    cli: CommandLine, kind: ModelKind, best_at_20: None
) -> None:
    fields = cli.ok(*train_command(kind))
    assert fields["best_iter"] == 20
    evaluated = cli.ok("eval", fields["run"])
    assert (evaluated["run"], evaluated["iter"]) == (fields["run"], 40)
    assert evaluated["val_loss"] + LAST_IS_WORSE_NATS == fields["val_loss"]
    best = cli.ok("eval", fields["run"], "--checkpoint", "best")
    assert (best["iter"], best["val_loss"]) == (fields["best_iter"], fields["best_val_loss"])


def test_a_flag_goes_before_the_preset_and_the_preset_before_the_defaults(
    cli: CommandLine, lab: Lab
) -> None:
    cli.ok(
        "train", "--model", "transformer", "--corpus", "tiny", "--preset", "quick", "--recipe",
        "classic", "--max_iters", "2", "--n_layer", "1", "--bias", "true", "--name", "owl",
    )  # fmt: skip
    config = lab.run("owl").config
    assert (config.model.n_layer, config.model.bias, config.train.max_iters) == (1, True, 2)
    assert (config.model.n_embd, config.train.learning_rate) == (64, 3e-3)


def test_a_run_that_diverges_says_how_far_it_came_and_why(cli: CommandLine, lab: Lab) -> None:
    command = train_command(
        learning_rate=100, weight_decay=10, warmup_iters=0, schedule="constant", eval_interval=1
    )
    fields = cli.failed(*command)
    assert (fields["status"], fields["val_loss"]) == ("failed", None)
    assert 0 < fields["iter"] < 40
    assert "Try a smaller learning_rate (it was 100)" in cli.stderr.splitlines()[-1]
    assert lab.run(fields["run"]).status == "failed"


# --- runs -----------------------------------------------------------------------------------------


def test_runs_lists_all_with_their_settings(cli: CommandLine, lab: Lab) -> None:
    assert cli.ok("runs") == {"runs": []}
    fields = cli.ok(*train_command(), "--name", "owl")
    [listed] = cli.ok("runs")["runs"]
    assert listed.items() >= fields.items()
    assert (listed["name"], listed["model"], listed["corpus"]) == ("owl", "bigram", "tiny")
    assert listed["config"] == lab.run("owl").config.flat()


def test_runs_are_renamed_and_deleted(cli: CommandLine, lab: Lab) -> None:
    run_id = cli.ok(*train_command(), "--name", "owl")["run"]
    assert cli.ok("runs", "rename", "owl", "fox")["runs"][0]["name"] == "fox"
    assert cli.ok("runs", "delete", "fox")["runs"][0]["run"] == run_id
    assert cli.ok("runs") == {"runs": []}
    assert lab.deleted_runs()[0].id == run_id


def test_a_branch_is_made_and_goes_on(cli: CommandLine, lab: Lab) -> None:
    cli.ok(*train_command("attention"), "--name", "owl")
    [branch] = cli.ok("runs", "branch", "owl", "--at", "25", "--name", "twin")["runs"]
    assert (branch["name"], branch["status"], branch["iter"]) == ("twin", "paused", 25)
    cli.ok("resume", "twin")
    assert_same_run(lab, lab.run("twin").id, lab.run("owl").id)

    changed = ["--learning_rate", "0.05", "--max_iters", "50"]
    [branch] = cli.ok("runs", "branch", "owl", *changed)["runs"]
    assert (branch["iter"], branch["config"]["learning_rate"]) == (40, 0.05)
    assert cli.ok("resume", branch["run"])["iter"] == 50


# --- texts ----------------------------------------------------------------------------------------


def test_corpora_are_added_and_listed(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(b"\xef\xbb\xbfan owl\r\n")
    fields = cli.ok("corpus", "add", "mine", "--from", path)
    text = b"an owl\n"
    assert fields == {
        "name": "mine",
        "n_chars": len(text),
        "vocab_size": len(set(text)),
        "fingerprint": hashlib.sha256(text).hexdigest(),
    }
    notes = cli.stderr.splitlines()
    assert len(notes) == 3 and "byte-order mark" in notes[0] and "line ends" in notes[1]
    listed = cli.ok("corpus", "list")["corpora"]
    assert [entry["name"] for entry in listed] == [SHIPPED, "mine", "tiny"]
    assert listed[1] == fields


def test_rare_characters_are_folded_if_asked_to_and_the_share_is_said(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.preflight._free_mib", lambda device: 1.0)
    path = tmp_path / "many.txt"
    path.write_text("".join(chr(0x4E00 + i) for i in range(1200)), "utf-8")
    share = "201 characters, 17 % of the text"
    refusal = cli.refused("corpus", "add", "many", "--from", path)
    assert "1,200 distinct characters" in refusal and f"would replace {share}" in refusal
    assert cli.ok("corpus", "add", "many", "--from", path, "--fold_rare")["vocab_size"] == 1000
    assert f"201 rare characters were folded into {RARE}: {share}" in cli.stderr


def test_another_encoding_is_named_with_the_command_that_takes_it(
    cli: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "my text.txt"
    text = "Le long été à Paris,\noù les élèves rêvaient de la mer.\n" * 30
    path.write_bytes(text.encode("cp1252"))
    refusal = cli.refused("corpus", "add", "ete", "--from", path)
    assert "it seems, in windows-1252" in refusal and "‘Le long été à Paris,’" in refusal
    command = refusal.split("python -m core ")[1]
    assert command == f"corpus add ete --from '{path}' --encoding windows-1252"
    assert cli.ok(*shlex.split(command))["n_chars"] == len(text)
    assert "read as windows-1252" in cli.stderr and "line ends" not in cli.stderr
    for wrong, why in (("utf-16", "not in utf-16"), ("klingon", "no encoding 'klingon'")):
        assert why in cli.refused("corpus", "add", "x", "--from", path, "--encoding", wrong)


def test_a_text_of_blanks_in_another_encoding_is_offered_without_a_line_of_it(
    cli: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "blanks.txt"
    path.write_bytes(" \n \n".encode("utf-16"))
    refusal = cli.refused("corpus", "add", "blanks", "--from", path)
    assert "it seems, in utf-16. If that is right: python -m core corpus add blanks" in refusal


@pytest.mark.parametrize("n", [9_999, 10_000])
def test_a_text_that_is_little_for_a_model_is_said_to_be(
    cli: CommandLine, tmp_path: Path, n: int
) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(play(n), "utf-8")
    assert cli.ok("corpus", "add", "mine", "--from", path)["n_chars"] == n
    assert ("mine: 9,999 characters are little" in cli.stderr) is (n < 10_000)


@pytest.mark.skipif(sys.platform == "win32", reason="needs /dev/fd")
def test_a_text_from_a_pipe_is_read_once(cli: CommandLine) -> None:
    end, other_end = os.pipe()
    os.write(other_end, "à Paris\n".encode("cp1252") * 9)
    os.close(other_end)
    assert "‘à Paris’" in cli.refused("corpus", "add", "paris", "--from", f"/dev/fd/{end}")
    os.close(end)


def test_a_deleted_text_can_be_restored(cli: CommandLine, lab: Lab, corpus: Corpus) -> None:
    run_id = trained(lab, corpus, name="owl")
    fields = cli.ok("corpus", "delete", "tiny")
    said = cli.stderr.splitlines()
    assert "corpus restore tiny" in said[0]
    assert said[1] == "Runs that learned from tiny, and that cannot go on without it: owl."
    assert [entry["name"] for entry in cli.ok("corpus", "list")["corpora"]] == [SHIPPED]
    binned = cli.ok("corpus", "list")["in_bin"]
    assert [(entry["in_bin"], entry["bytes"]) for entry in binned] == [("tiny", len(corpus.text))]
    assert "corpus restore tiny" in cli.refused("resume", run_id, "--max_iters", 50)
    assert cli.ok("corpus", "restore", "tiny") == fields
    assert cli.ok("resume", run_id, "--max_iters", 42)["iter"] == 42
    trained(lab, lab.library.load(SHIPPED))  # of which nothing is said: it stays
    assert "cannot be deleted" in cli.refused("corpus", "delete", SHIPPED)
    cli.ok("corpus", "delete", "tiny")
    assert cli.ok("corpus", "empty_bin") == {"freed_bytes": len(corpus.text)}
    assert "There is no corpus 'tiny' in the bin" in cli.refused("corpus", "restore", "tiny")


# --- writing --------------------------------------------------------------------------------------


@pytest.fixture
def owl(cli: CommandLine, lab: Lab, corpus: Corpus) -> str:
    """The name of a trained run."""
    trained(lab, corpus, "transformer", name="owl")
    return "owl"


def test_the_same_seed_writes_the_same_text(cli: CommandLine, owl: str) -> None:
    command = ["generate", owl, "--prompt", "OWL:\n", "--max_new_tokens", "30"]
    one, same, other = (cli.ok(*command, "--seed", seed) for seed in (1, 1, 2))
    assert one.keys() == {"text", "tokens_per_s"}
    assert one["text"] == same["text"] != other["text"]
    assert len(one["text"]) == 30 and one["tokens_per_s"] > 0
    greedy = [cli.ok(*command, *how)["text"] for how in (["--temperature=0"], ["--top_k=1"])]
    assert greedy[0] == greedy[1]
    nucleus = cli.ok(*command, "--temperature=1", "--top_p=1e-6")["text"]
    assert nucleus == greedy[0]


def test_several_texts_are_written_side_by_side(cli: CommandLine, owl: str) -> None:
    command = ["generate", owl, "--max_new_tokens", "8", "--temperature=1"]
    several = cli.ok(*command, "--n_samples", "3")
    assert several["texts"] == [cli.ok(*command, "--seed", 1337 + i)["text"] for i in range(3)]
    assert several["text"] == several["texts"][0]
    assert "1 to 1000: '0'" in cli.refused(*command, "--n_samples", "0")
    assert cli.code(*command, "--n_samples", "2") == 0
    assert "text 1:\n" in cli.stdout and "\ntext 2:\n" in cli.stdout
    assert cli.stdout.count(several["texts"][1]) == 1


def test_records_say_what_else_could_have_been_written(cli: CommandLine, owl: str) -> None:
    fields = cli.ok("generate", owl, "--max_new_tokens", "6", "--top_k=2", "--records")
    (text,) = fields["records"]
    assert "".join(record["character"] for record in text) == fields["text"]
    for record in text:
        assert len(record["believed"]) == 5 and 1 <= len(record["offered"]) <= 2
        assert sum(p for _, p in record["offered"]) == pytest.approx(1.0)


def test_a_prompt_can_come_from_a_file_or_standard_input(
    cli: CommandLine, owl: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["generate", owl, "--max_new_tokens", 8, "--records"]
    path = tmp_path / "opening.txt"
    path.write_bytes(b"\xef\xbb\xbfOWL:\r\nto be\r\n")  # as Windows writes it
    expected = cli.ok(*command, "--prompt", "OWL:\nto be\n")["records"]  # the last newline stays
    assert expected != cli.ok(*command, "--prompt", "OWL:\nto be")["records"]
    assert cli.ok(*command, "--prompt_file", path)["records"] == expected
    assert "The prompt: a byte-order mark at the start was removed" in cli.stderr
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert cli.ok(*command, "--prompt_file", "-")["records"] == expected
    path.write_bytes(b"")
    assert cli.ok(*command, "--prompt_file", path)["records"] == cli.ok(*command)["records"]


def test_a_file_that_is_no_prompt_is_refused_in_a_sentence(
    cli: CommandLine, owl: str, tmp_path: Path
) -> None:
    path = tmp_path / "opening.txt"
    command = ["generate", owl, "--prompt_file", path]
    assert "There is no file" in cli.refused(*command)
    assert "is a folder" in cli.refused("generate", owl, "--prompt_file", tmp_path)
    assert "not allowed with argument --prompt" in cli.refused(*command, "--prompt", "O")
    path.write_bytes("café, déjà vu, señor".encode("latin-1"))
    line = cli.refused(*command)
    assert "opening.txt is not in UTF-8 but, it seems, in windows-1252" in line
    assert "Save it as UTF-8." in line and "--encoding" not in line
    path.write_bytes(b"\x00\x01\x02\xff" * 9)
    assert "binary file" in cli.refused(*command)
    path.write_bytes(b"OWL@")
    assert "has no ‘@’" in cli.refused(*command) and cli.ok(*command, "--drop_unknown")


def test_eval_can_leave_attention_out(cli: CommandLine, lab: Lab, corpus: Corpus, owl: str) -> None:
    whole, without = (cli.ok("eval", owl, *how) for how in ([], ["--without_attention"]))
    assert without["full_val_loss"] == whole["val_loss"] != without["val_loss"]
    assert cli.ok("eval", owl)["val_loss"] == whole["val_loss"]
    table = trained(lab, corpus, "bigram")
    assert "no attention" in cli.refused("eval", table, "--without_attention")


def test_an_unknown_character_is_named_and_can_be_dropped(cli: CommandLine, owl: str) -> None:
    command = ["generate", owl, "--max_new_tokens", "10"]
    line = cli.refused(*command, "--prompt", "OWL@")
    assert "‘@’" in line and "--drop_unknown" in line
    dropped = cli.ok(*command, "--prompt", "O@W@L@", "--drop_unknown")
    assert dropped["text"] == cli.ok(*command, "--prompt", "OWL")["text"]
    nothing_left = cli.ok(*command, "--prompt", "@", "--drop_unknown")
    assert nothing_left["text"] == cli.ok(*command)["text"]


def test_without_its_text_a_run_still_writes_and_does_nothing_else(
    cli: CommandLine, lab: Lab, owl: str
) -> None:
    lab.library.path("tiny").unlink()
    assert "'tiny' that this run learned from is gone" in cli.refused("resume", owl)
    assert "gone" in cli.refused("eval", owl)
    assert "gone" in cli.refused("runs", "branch", owl)
    assert cli.ok("generate", owl, "--max_new_tokens", "5")["text"]
    assert cli.ok("runs")["runs"][0]["status"] == "finished"


# --- how it is said ------------------------------------------------------------------------------


def test_json_may_stand_before_or_after_the_command(
    cli: CommandLine, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["--json", "runs"], ["runs", "--json"]):
        assert main(command) == 0
        assert capsys.readouterr().out == '{"runs": []}\n'


def test_without_json_the_same_is_said_for_people(
    cli: CommandLine, owl: str, capsys: pytest.CaptureFixture[str], lab: Lab
) -> None:
    assert main(["runs"]) == 0
    titles, row = capsys.readouterr().out.splitlines()[1:]
    assert titles.split("  ")[1].strip() == "name" and "validation loss, nats" in titles
    val_loss = lab.run("owl").val_loss_nats
    assert row.split()[:4] == ["owl", "transformer", "tiny", "finished"]
    assert f"{val_loss:.3f}" in row.split() and len(row) <= len(titles) <= 130
    assert main(["eval", "owl"]) == 0
    assert f"validation loss  {val_loss:.3f} nats" in capsys.readouterr().out


def test_ctrl_c_outside_of_training_is_no_traceback(
    cli: CommandLine, owl: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.commands.running.split_loss", stopped)
    assert cli.code("eval", owl) == 130
    assert cli.stderr.splitlines()[-1] == "Stopped."


def test_training_in_parts_from_the_command_line_is_exact(
    cli: CommandLine, lab: Lab, corpus: Corpus
) -> None:
    whole = cli.ok(*train_command("transformer"))["run"]
    parts = cli.ok(*train_command("transformer", max_iters=15, warmup_iters=2, lr_decay_iters=40))
    cli.ok("resume", parts["run"], "--max_iters", "40")
    assert [s.loss_nats for s in lab.store.steps(parts["run"])] == [
        s.loss_nats for s in lab.store.steps(whole)
    ]
    train(lab, whole)  # a finished run stays as it was
    assert lab.run(whole).val_loss_nats == lab.run(parts["run"]).val_loss_nats


def test_show_says_what_the_page_says(cli: CommandLine, lab: Lab, corpus: Corpus) -> None:
    before = cli.ok(*train_command("transformer", name="owl", block_size=4))
    after = cli.ok(*train_command("transformer", name="fox"))
    shown = cli.ok("runs", "show", "fox")
    estimates = lab.store.estimates(after["run"])
    is_good, best = shown["answers"]["is_good"], min(estimates, key=lambda e: e.val_loss_nats)
    assert (is_good["best_nats"], is_good["best_iter"]) == (best.val_loss_nats, best.step)
    assert (is_good["now_nats"], is_good["now_iter"]) == (estimates[-1].val_loss_nats, 40)
    assert is_good["loss_nats"] == shown["best_val_loss"] == lab.run("fox").best_val_loss_nats
    assert is_good["perplexity"] == pytest.approx(math.exp(is_good["loss_nats"]))
    assert shown["answers"]["overfitting"]["gap_nats"] == (
        estimates[-1].val_loss_nats - estimates[-1].train_loss_nats
    )
    assert all(answer["text"] for answer in shown["answers"].values())
    assert shown["since"] == {
        "run": before["run"], "name": "owl", "settings": {"block_size": [4, 8]},
        "reading": "twice the characters per step",
    }  # fmt: skip
    assert shown["notes"] and all(note["rule"] and note["numbers_nats"] for note in shown["notes"])
    assert [event["kind"] for event in shown["events"]] == ["machine", "finished"]
    assert shown["samples"][0]["iter"] == 40 and shown["samples"][0]["text"]
    last = {name: rows[-1][1] for name, rows in lab.store.health(after["run"]).items()}
    assert shown["health"] == last and "update_ratio/layer 1" in last
    assert shown["references_nats"]["uniform"] == pytest.approx(math.log(len(corpus.vocabulary)))


def test_a_run_is_shown_though_its_text_is_gone(cli: CommandLine, lab: Lab) -> None:
    cli.ok(*train_command("transformer", name="fox"))
    before = cli.ok("runs", "show", "fox")
    lab.library.path("tiny").unlink()
    shown = cli.ok("runs", "show", "fox")
    assert "The text 'tiny' that this run learned from is gone. " in cli.stderr
    assert "nothing here is compared with what counting reaches" in cli.stderr
    assert shown["references_nats"] == {} and before["references_nats"]
    same = ("since", "events", "samples", "health", "val_loss", "iter", "config")
    assert {name: shown[name] for name in same} == {name: before[name] for name in same}
    assert shown["answers"]["is_good"]["now_nats"] == before["answers"]["is_good"]["now_nats"]
    assert cli.code("runs", "show", "fox") == 0
    assert "what counting reaches is not known\n" in cli.stdout


def test_what_show_says_to_a_person_has_a_line_for_each_thing(cli: CommandLine, lab: Lab) -> None:
    cli.ok(*train_command("transformer", name="fox"))
    assert cli.code("runs", "show", "fox") == 0
    said = [line.strip() for line in cli.stdout.splitlines()]
    whole = (
        f"is it good? {lab.run('fox').best_val_loss_nats:.3f} nats over the whole validation split"
    )
    assert any(line.startswith(whole) for line in said)
    assert any(line.startswith("best validation estimate") for line in said)
    assert "there is no run before it to compare with" in said
    assert not any("config" in line for line in said)
    cli.ok(*train_command("transformer", name="owl", block_size=4))
    cli.ok("resume", "owl", "--max_iters", 50, "--learning_rate", 2e-4)
    assert cli.code("runs", "show", "owl") == 0
    assert "set differently from fox, as both are set now:\n  block_size 8 -> 4 · " in cli.stdout
    # 0.001 was the peak; by step 40 the schedule had come down to 0.0001.
    assert "\n  step 40  changed: learning_rate 0.0001 -> 0.0002\n" in cli.stdout


def test_a_change_is_told_as_the_pages_tell_it(cli: CommandLine, lab: Lab) -> None:
    cli.ok(*train_command("transformer", name="owl"))
    cli.ok("resume", "owl", "--max_iters", 50, "--learning_rate", 2e-4)
    events = cli.ok("runs", "show", "owl")["events"]
    (change,) = lab.store.changes(lab.run("owl").id)
    (said,) = (event for event in events if event["kind"] == "changed")
    assert json.loads(said["detail"]) == {n: list(pair) for n, pair in change.settings.items()}
    assert said["told"] == {"learning_rate": [1e-4, 2e-4]}
    assert all(("told" in event) == (event is said) for event in events)
