"""A run leaves as one file and is the same run where it is opened, or is not opened at all."""

from __future__ import annotations

import errno
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import ExchangeError, RunError, StorageError
from core.exchange import archive, runfile
from core.exchange.archive import (
    file_name,
    is_run_file,
    open_run,
    open_run_file,
    pack_run,
    packed,
)
from core.library.texts import ORIGINAL
from core.records.events import Branched, Event, PlainText, Race, RunFileOpened
from core.runs.active_run import ActiveRun
from core.runs.branch import branch_run
from core.runs.disk import clean_run
from core.runs.lab import Lab
from core.settings.config import ModelKind
from core.text.corpus import Corpus
from tests.helpers import (
    CommandLine,
    add_corpus,
    assert_equal_states,
    checkpoint_state,
    checkpoint_steps,
    files_under,
    killed_run,
    play,
    small_run,
    train,
    trained,
    what_it_measured,
)


@pytest.fixture
def elsewhere(lab: Lab, tmp_path: Path) -> Lab:
    """Another, empty lab."""
    return Lab(tmp_path / "elsewhere")


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def moved(lab: Lab, run_id: str, to: Lab) -> str:
    """Pack a run, open it in another lab, and return its id there."""
    content = packed(lab, lab.run(run_id))
    return open_run(to, io.BytesIO(content), "file.run.zip").id


def states_of(lab: Lab, run_id: str) -> dict[str, bytes]:
    files = files_under(lab.home.run_folder(run_id))
    return {name: content for name, content in files.items() if name.endswith(".pt")}


def contents(lab: Lab) -> tuple[Any, ...]:
    """All that is in a lab."""
    runs = lab.runs(), lab.deleted_runs()
    return runs, [lab.store.events(run.id) for run in runs[0]], files_under(lab.home.path)


# --- out and in -----------------------------------------------------------------------------------


def test_an_opened_run_equals_the_one_that_was_packed(
    lab: Lab, corpus: Corpus, elsewhere: Lab, kind: ModelKind
) -> None:
    run_id = trained(lab, corpus, kind, name="owl")
    there = moved(lab, run_id, elsewhere)
    assert there != run_id
    here, opened = lab.run(run_id), elsewhere.run("owl")
    assert opened == replace(here, id=there, created_at=opened.created_at)
    assert what_it_measured(elsewhere, there) == what_it_measured(lab, run_id)
    assert elsewhere.store.steps(there) == lab.store.steps(run_id)  # the times too
    assert elsewhere.store.health(there) == lab.store.health(run_id)
    assert states_of(elsewhere, there) == states_of(lab, run_id) != {}
    *events, last = elsewhere.store.events(there)
    assert events == lab.store.events(run_id)
    assert (last.step, last.what) == (40, RunFileOpened("file.run.zip"))
    assert elsewhere.corpus_of(opened).text == corpus.text
    assert elsewhere.model(opened).step == lab.model(here).step


@pytest.mark.parametrize("kind", ["bigram", "transformer"])
def test_a_run_that_was_moved_half_way_ends_like_one_that_never_was(
    lab: Lab, corpus: Corpus, elsewhere: Lab, kind: ModelKind
) -> None:
    whole, half = (small_run(lab, corpus, kind) for _ in range(2))
    train(lab, whole)
    train(lab, half, until=17)
    there = moved(lab, half, elsewhere)
    assert (elsewhere.run(there).status, elsewhere.run(there).step) == ("interrupted", 17)
    run = ActiveRun.open(elsewhere.home, elsewhere.store, there)
    assert (run.resumed_from, run.notes) == (17, [])
    run.close()
    train(elsewhere, there)
    assert what_it_measured(elsewhere, there) == what_it_measured(lab, whole)
    for step in {40, lab.run(whole).best_step}:
        assert_equal_states(
            checkpoint_state(elsewhere, there, step), checkpoint_state(lab, whole, step)
        )


def test_a_change_in_mid_run_moves_along(lab: Lab, corpus: Corpus, elsewhere: Lab) -> None:
    parent = lab.run(train(lab, small_run(lab, corpus, "attention")))
    whole = branch_run(lab, parent, 20, {"learning_rate": 0.02})
    there = moved(lab, whole.id, elsewhere)
    assert elsewhere.store.changes(there) == lab.store.changes(whole.id) != []
    assert (elsewhere.run(there).parent, elsewhere.run(there).parent_step) == (parent.id, 20)
    assert elsewhere.run(there).status == "interrupted"  # it was paused, and nobody holds it
    train(lab, whole.id)
    train(elsewhere, there)
    assert what_it_measured(elsewhere, there) == what_it_measured(lab, whole.id)


def test_a_run_that_has_not_begun_can_begin_elsewhere(
    lab: Lab, corpus: Corpus, elsewhere: Lab
) -> None:
    run_id = small_run(lab, corpus)
    there = moved(lab, run_id, elsewhere)
    assert elsewhere.run(there).status == "interrupted"
    for each, where in ((run_id, lab), (there, elsewhere)):
        train(where, each)
    assert what_it_measured(elsewhere, there) == what_it_measured(lab, run_id)


def test_a_failed_run_stays_failed_and_says_why(lab: Lab, corpus: Corpus, elsewhere: Lab) -> None:
    run = ActiveRun.open(lab.home, lab.store, small_run(lab, corpus))
    run.advance(60.0, until=5)
    run.fail("Nothing left to say.")
    run.close()
    opened = elsewhere.run(moved(lab, run.id, elsewhere))
    assert (opened.status, opened.message, opened.step) == ("failed", "Nothing left to say.", 5)


def test_a_run_can_be_packed_while_it_trains(lab: Lab, corpus: Corpus, elsewhere: Lab) -> None:
    whole = trained(lab, corpus, "transformer")
    run = ActiveRun.open(lab.home, lab.store, small_run(lab, corpus, "transformer"))
    run.advance(60.0, until=12)
    run.pause()
    run.advance(60.0, until=19)
    run.set_status("running")  # rows up to here, and the last checkpoint before
    there = moved(lab, run.id, elsewhere)
    run.close()
    opened = elsewhere.run(there)
    assert (opened.status, opened.step, opened.checkpoint_step) == ("interrupted", 19, 12)
    train(elsewhere, there)
    assert what_it_measured(elsewhere, there) == what_it_measured(lab, whole)


def test_a_damaged_state_is_left_at_home(lab: Lab, corpus: Corpus, elsewhere: Lab) -> None:
    run_id = small_run(lab, corpus)
    for until in (5, 25):
        train(lab, run_id, until=until)
    (lab.home.run_folder(run_id) / "checkpoint-000000025.pt").write_bytes(b"spoiled")
    there = moved(lab, run_id, elsewhere)
    left = [step for step in checkpoint_steps(lab, run_id) if step < 25]
    assert checkpoint_steps(elsewhere, there) == left
    assert elsewhere.run(there).checkpoint_step == left[-1]


# --- names and texts ------------------------------------------------------------------------------


def test_a_name_that_is_taken_gets_a_number(lab: Lab, corpus: Corpus) -> None:
    content = packed(lab, lab.run(trained(lab, corpus, name="owl")))

    def opened(name: str | None = None) -> str:
        return open_run(lab, io.BytesIO(content), "f", name).name

    assert [opened(), opened(), opened(" fox ")] == ["owl-2", "owl-3", "fox"]
    before = contents(lab)
    for name, said in (("owl", "already a run 'owl'"), ("", "1 to 60 printable")):
        with pytest.raises(RunError, match=said):
            opened(name)
    assert contents(lab) == before


def test_a_file_from_before_may_call_the_modern_block_fast(
    lab: Lab, corpus: Corpus, elsewhere: Lab
) -> None:
    run_id = trained(lab, corpus, "transformer", block="modern", ngrams=2)
    content = with_config(block="fast")(packed(lab, lab.run(run_id)))
    opened = open_run(elsewhere, io.BytesIO(content), "file.run.zip")
    assert opened.config == lab.run(run_id).config


def test_a_text_that_is_there_is_not_added_again(lab: Lab, corpus: Corpus, elsewhere: Lab) -> None:
    add_corpus(elsewhere, "same", corpus.text)
    there = moved(lab, trained(lab, corpus), elsewhere)
    assert elsewhere.run(there).corpus == "same" and "tiny" not in elsewhere.library.names()
    add_corpus(elsewhere, "tiny", corpus.text)
    assert elsewhere.run(moved(lab, trained(lab, corpus), elsewhere)).corpus == "tiny"


def test_a_text_whose_name_is_taken_gets_a_number(lab: Lab, corpus: Corpus, elsewhere: Lab) -> None:
    add_corpus(elsewhere, "TINY", play(500))
    opened = elsewhere.run(moved(lab, trained(lab, corpus), elsewhere))
    assert opened.corpus == "tiny-2" and elsewhere.corpus_of(opened) == corpus
    assert elsewhere.library.load("TINY").text == play(500)


def test_only_the_original_may_bear_its_name(lab: Lab, corpus: Corpus, elsewhere: Lab) -> None:
    assert elsewhere.library.add_exactly(ORIGINAL, corpus.text) == f"{ORIGINAL}-2"
    assert elsewhere.library.load(f"{ORIGINAL}-2") == corpus


def test_without_its_text_a_run_can_be_looked_at(lab: Lab, corpus: Corpus, elsewhere: Lab) -> None:
    run_id = trained(lab, corpus, "attention")
    lab.library.path("tiny").unlink()
    there = elsewhere.run(moved(lab, run_id, elsewhere))
    assert elsewhere.model(there).vocabulary == corpus.vocabulary
    assert "tiny" not in elsewhere.library.names()
    add_corpus(elsewhere, "tiny", corpus.text)
    assert elsewhere.corpus_of(there) == corpus


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("owl", "owl.run.zip"),
        ("Öwl 2/3: “x”", "Öwl-2-3-x.run.zip"),
        ("../../etc", "etc.run.zip"),
        ("***", "{id}.run.zip"),
    ],
)
def test_a_file_is_called_after_its_run(
    lab: Lab, corpus: Corpus, tmp_path: Path, name: str, file: str
) -> None:
    record = lab.run(small_run(lab, corpus, name=name))
    assert file_name(record) == file.format(id=record.id)
    assert pack_run(lab, record, tmp_path) == tmp_path / file_name(record)
    assert is_run_file(tmp_path / file_name(record))


# --- what is refused ------------------------------------------------------------------------------


def changed(content: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """A run file with other members."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as new:
        for name, value in members.items():
            new.writestr(name, value)
    return buffer.getvalue()


def with_member(name: str, value: bytes) -> Callable[[bytes], bytes]:
    return lambda content: changed(content, lambda members: members.update({name: value}))


def without(name: str) -> Callable[[bytes], bytes]:
    return lambda content: changed(content, lambda members: members.__delitem__(name))


def with_row(**values: Any) -> Callable[[bytes], bytes]:
    """A run file whose manifest says something else of the run."""

    def change(members: dict[str, bytes]) -> None:
        manifest = json.loads(members["manifest.json"])
        manifest["run"] |= values
        members["manifest.json"] = json.dumps(manifest).encode()

    return lambda content: changed(content, change)


def with_config(**values: Any) -> Callable[[bytes], bytes]:
    def change(members: dict[str, bytes]) -> None:
        manifest = json.loads(members["manifest.json"])
        manifest["config"] |= values
        members["manifest.json"] = json.dumps(manifest).encode()

    return lambda content: changed(content, change)


def with_line(table: str, line: str) -> Callable[[bytes], bytes]:
    def change(members: dict[str, bytes]) -> None:
        members[table] += line.encode() + b"\n"

    return lambda content: changed(content, change)


def two_manifests(content: bytes) -> bytes:
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("manifest.json", b"{}")
    return buffer.getvalue()


def spoiled(content: bytes) -> bytes:
    """One bit of the first checkpoint is another."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        member = next(m for m in file.infolist() if m.filename.startswith("checkpoint"))
    raw = bytearray(content)
    raw[member.header_offset + 30 + member.file_size // 2] ^= 1
    return bytes(raw)


def first_state(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return file.read(next(n for n in file.namelist() if n.startswith("checkpoint")))


NO_RUN_FILE = "not a whole run file of this lab"
WRONG: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda content: b"", NO_RUN_FILE),
    "text": (lambda content: b"To be, or not to be", NO_RUN_FILE),
    "cut short": (lambda content: content[: len(content) // 2], NO_RUN_FILE),
    "one wrong bit": (spoiled, NO_RUN_FILE),
    "another zip": (with_member("holiday.jpg", b""), "it holds 'holiday.jpg'"),
    "no manifest": (without("manifest.json"), NO_RUN_FILE),
    "no steps": (without("steps.jsonl"), NO_RUN_FILE),
    "path upwards": (with_member("../checkpoint-000000001.pt", b""), "it holds '../checkpoint"),
    "path down": (with_member("a/checkpoint-000000001.pt", b""), "it holds 'a/checkpoint"),
    "whole path": (with_member("/etc/passwd", b""), "it holds '/etc/passwd'"),
    "twice": (two_manifests, "is there twice"),
    "manifest": (with_member("manifest.json", b"[]"), NO_RUN_FILE),
    "deep": (with_member("manifest.json", b"[" * 100_000), NO_RUN_FILE),
    "another format": (
        with_member("manifest.json", b'{"format": 9}'), "another version of the lab (format 9"
    ),
    "another text": (with_member("corpus.txt", b"another"), "holds another text"),
    "number as text": (with_row(iter="40"), NO_RUN_FILE),
    "negative": (with_row(iter=-1), NO_RUN_FILE),
    "past the end": (with_row(iter=41), NO_RUN_FILE),
    "huge": (with_row(best_iter=2**70), NO_RUN_FILE),
    "best of a step that it never took": (with_row(best_iter=41), NO_RUN_FILE),
    "loss below nothing": (with_row(val_loss=-1.0), NO_RUN_FILE),
    "estimate past the end": (
        with_line("estimates.jsonl",
                  '{"iter": 1000000000000, "train_loss": 2.0, "val_loss": 2.0, "sample": ""}'),
        NO_RUN_FILE,
    ),
    "status": (with_row(status="dreaming"), NO_RUN_FILE),
    "half a character": (with_row(message="\ud800"), NO_RUN_FILE),
    "corpus path": (with_row(corpus="../../corpus"), "is no plain name"),
    "name": (with_row(name="a\nb" * 40), "1 to 60 printable characters"),
    "setting": (with_config(batch_size=0), "holds a run that cannot be: batch_size is"),
    "newer setting": (with_config(telepathy=True), NO_RUN_FILE),
    "giant": (with_config(vocab_size=1_000_000, n_embd=4096), NO_RUN_FILE),
    "another vocabulary": (with_config(vocab_size=7), NO_RUN_FILE),
    "line": (with_line("steps.jsonl", "{"), NO_RUN_FILE),
    "not a number": (
        with_line("health.jsonl", '{"iter": 1, "name": "x", "value": NaN}'), NO_RUN_FILE
    ),
    "change": (
        with_line("events.jsonl", '{"iter": 1, "kind": "changed", "detail": "?", "at": 1.0}'),
        NO_RUN_FILE,
    ),
    "change to what cannot be": (
        with_line(
            "events.jsonl",
            '{"iter": 1, "kind": "changed", "detail": "{\\"batch_size\\": [0, 4]}", "at": 1.0}',
        ),
        "cannot be: batch_size",
    ),
    "race that is too long": (
        with_line("events.jsonl", '{"iter": 0, "kind": "race", "at": 1.0, '
                  '"detail": "ab: 999999 steps for each model"}'),
        "cannot be: A race takes from 1 to 200,000 steps",
    ),
    "fields of no race": (
        with_line("events.jsonl", '{"iter": 0, "kind": "race", "at": 1.0, "detail": '
                  '"ab: 9 steps for each model", "fields": {"id": "ab", "by": "steps"}}'),
        NO_RUN_FILE,
    ),
    "no detail": (
        with_line("events.jsonl", '{"iter": 0, "kind": "finished", "fields": {}, "at": 1.0}'),
        NO_RUN_FILE,
    ),
    "race": (
        with_line("events.jsonl", '{"iter": 0, "kind": "race", "detail": "faster", "at": 1.0}'),
        NO_RUN_FILE,
    ),
    "state of another step": (
        lambda c: with_member("checkpoint-000000007.pt", first_state(c))(c), NO_RUN_FILE
    ),
    "checkpoint as snapshot": (
        lambda c: with_member("snapshot-000000040.pt", first_state(c))(c), NO_RUN_FILE
    ),
    "empty state": (with_member("snapshot-000000003.pt", b""), NO_RUN_FILE),
}  # fmt: skip


@pytest.fixture(scope="module")
def a_run_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    lab = Lab(tmp_path_factory.mktemp("origin"))
    corpus = add_corpus(lab, "tiny", play(4_000))
    return packed(lab, lab.run(trained(lab, corpus, "attention", name="owl")))


def without_fields(members: dict[str, bytes]) -> None:
    """As the version before wrote it, which stored a sentence for each event."""
    rows = [json.loads(line) for line in members["events.jsonl"].splitlines()]
    kept = [{name: row[name] for name in ("iter", "kind", "detail", "at")} for row in rows]
    members["events.jsonl"] = "".join(json.dumps(row) + "\n" for row in kept).encode()


def test_a_run_file_of_the_version_before_is_the_same_run(lab: Lab, corpus: Corpus) -> None:
    run_id = killed_run(lab, corpus)
    torch.set_num_threads(2)
    run = ActiveRun.open(lab.home, lab.store, run_id, max_iters=45, learning_rate=0.003)
    run.advance(60.0, until=20)
    run.pause()
    run.close()
    torch.set_num_threads(1)
    child = branch_run(lab, lab.run(run_id), 18, {"batch_size": 2}, name="hen")
    lab.store.add_event(child.id, 18, Race("ab12", "steps", 40))
    for name in (lab.run(run_id).name, "hen"):
        old = changed(packed(lab, lab.run(name)), without_fields)
        opened = open_run(lab, io.BytesIO(old), "old.run.zip")
        *events, last = lab.store.events(opened.id)
        assert events == [*map(as_of_before, lab.store.events(lab.run(name).id))]
        assert last.what == RunFileOpened("old.run.zip")
        assert not [event for event in events if isinstance(event.what, PlainText)]


def as_of_before(event: Event) -> Event:
    """An event without what the version before did not note."""
    if isinstance(event.what, Branched):
        return replace(event, what=replace(event.what, n_steps_again=0))
    return event


def test_events_that_nobody_knows_are_taken_in_as_they_are(a_run_file: bytes, lab: Lab) -> None:
    strange = [
        '{"iter": 3, "kind": "telepathy", "detail": "so it said", "at": 9e9}',
        '{"iter": 3, "kind": "of a later lab", "detail": "?", "at": 9e9, "fields": {"who": "me"}}',
        '{"iter": 3, "kind": "resumed", "detail": "made up", "at": 9e9}',
        '{"iter": 3, "kind": "machine", "detail": "made up", "at": 9e9}',
    ]
    opened = open_run(
        lab, io.BytesIO(with_line("events.jsonl", "\n".join(strange))(a_run_file)), "mine.zip"
    )
    events = lab.store.events(opened.id)
    assert [event.what for event in events if isinstance(event.what, PlainText)] == [
        PlainText("telepathy", "so it said"), PlainText("of a later lab", "?"),
        PlainText("resumed", "made up"), PlainText("machine", "made up"),
    ]  # fmt: skip
    longer = ActiveRun.open(lab.home, lab.store, opened.id, max_iters=60)
    longer.advance(60.0, until=42)
    longer.finish()
    longer.close()


def test_a_run_file_can_be_read_by_the_version_before(a_run_file: bytes) -> None:
    """Which knows no fields: every event has its sentence beside them."""
    with zipfile.ZipFile(io.BytesIO(a_run_file)) as file:
        manifest = json.loads(file.read("manifest.json"))
        rows = [json.loads(line) for line in file.read("events.jsonl").splitlines()]
    assert manifest["format"] == 1
    assert [(row["kind"], row["detail"]) for row in rows] == [
        ("machine", "cpu, float32, 1 thread"), ("finished", ""),
    ]  # fmt: skip
    assert all(type(row["iter"]) is int and type(row["at"]) is float for row in rows)


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_is_no_run_is_refused_and_leaves_nothing(
    what: str, a_run_file: bytes, lab: Lab
) -> None:
    spoil, said = WRONG[what]
    before = contents(lab)
    with pytest.raises((ExchangeError, RunError)) as refused:
        open_run(lab, io.BytesIO(spoil(a_run_file)), "mine.zip")
    assert said in str(refused.value) and "\n" not in str(refused.value)
    assert contents(lab) == before
    assert open_run(lab, io.BytesIO(a_run_file), "mine.zip").name == "owl"


def test_what_would_fill_the_disk_is_refused_before_it_is_unpacked(
    a_run_file: bytes, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(lab)
    for limit, said in (("MAX_RUN_FILE_BYTES", "GiB unpacked"), ("MAX_TABLE_BYTES", "too large")):
        monkeypatch.setattr(runfile, limit, 100)
        with pytest.raises(ExchangeError, match=said):
            open_run(lab, io.BytesIO(a_run_file), "bomb.zip")
        monkeypatch.undo()
    bomb = changed(a_run_file, lambda m: m.update({"corpus.txt": b"a" * 20_000_000}))
    with pytest.raises(ExchangeError, match=r"corpus\.txt in it is too large"):
        open_run(lab, io.BytesIO(bomb), "bomb.zip")
    assert contents(lab) == before


def test_a_run_that_no_file_could_hold_is_not_packed(
    lab: Lab, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = lab.run(trained(lab, corpus))
    monkeypatch.setattr(archive, "MAX_RUN_FILE_BYTES", 100)
    with pytest.raises(ExchangeError, match="`python -m core runs clean` makes it smaller"):
        pack_run(lab, record, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_state_that_is_cleaned_up_while_a_run_is_packed_is_not_called_damaged(
    lab: Lab, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = lab.run(trained(lab, corpus))
    told: list[str] = []
    load, n_loaded = torch.load, 0

    def cleaning(*args: Any, **named: Any) -> Any:
        nonlocal n_loaded
        n_loaded += 1
        if n_loaded == 1:
            clean_run(lab, record.id)
        return load(*args, **named)

    monkeypatch.setattr("core.storage.checkpoint.torch.load", cleaning)
    opened = open_run_file(lab, pack_run(lab, record, tmp_path, told.append))
    assert told == [] and checkpoint_steps(lab, opened.id)


@pytest.mark.parametrize("now_s", [-1e9, 0.0, 3e8, 1e11, 1e15])
def test_a_clock_that_is_wrong_packs_the_same_run(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, now_s: float
) -> None:
    """Archives know no date before 1980, nor after 2107."""
    record = lab.run(trained(lab, corpus))
    monkeypatch.setattr("time.time", lambda: now_s)
    opened = open_run(lab, io.BytesIO(packed(lab, record)), "mine.zip")
    assert what_it_measured(lab, opened.id) == what_it_measured(lab, record.id)


@pytest.mark.parametrize(
    "step", ["core.registry.Store.enter_run", "core.exchange.archive._check_state"]
)
def test_an_error_in_the_middle_leaves_no_half_run(
    step: str, a_run_file: bytes, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(lab)

    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(step, stop)
    with pytest.raises(KeyboardInterrupt):
        open_run(lab, io.BytesIO(a_run_file), "mine.zip")
    assert contents(lab) == before


def test_a_full_disk_is_said(a_run_file: bytes, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = contents(lab)
    monkeypatch.setattr("core.exchange.archive.shutil.copyfileobj", full)
    with pytest.raises(StorageError, match="The disk is full: "):
        open_run(lab, io.BytesIO(a_run_file), "mine.zip")
    assert contents(lab) == before


# --- the command line -----------------------------------------------------------------------------


def test_out_and_in_from_the_command_line(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path
) -> None:
    run_id = trained(lab, corpus, "attention", name="owl")
    [path] = cli.ok("export", run_id, "--format", "run", "--out", tmp_path / "out")["files"]
    assert Path(path) == tmp_path / "out" / "owl.run.zip"
    fields = cli.ok("import", path)
    assert (fields["name"], fields["val_loss"]) == ("owl-2", lab.run(run_id).val_loss_nats)
    other = Path(path).rename(tmp_path / "renamed.zip")
    assert cli.ok("import", other, "--name", "fox")["name"] == "fox"
    assert lab.store.events(lab.run("fox").id)[-1].what == RunFileOpened("renamed.zip")
    assert cli.ok("resume", "fox", "--max_iters", 45)["resumed_from"] == 40
    assert "leave out --corpus" in cli.refused("import", other, "--corpus", "tiny")


def test_what_cannot_be_opened_is_said_in_a_line(
    cli: CommandLine, lab: Lab, corpus: Corpus, tmp_path: Path
) -> None:
    path = pack_run(lab, lab.run(trained(lab, corpus)), tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    before = contents(lab)
    assert NO_RUN_FILE in cli.refused("import", path)
    assert "There is no file" in cli.refused("import", tmp_path / "nowhere.run.zip")
    (tmp_path / "folder.run.zip").mkdir()
    assert "is a folder" in cli.refused("import", tmp_path / "folder.run.zip")
    assert contents(lab) == before
