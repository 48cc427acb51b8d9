"""Made-up settings, texts, prompts and run files: each is taken as it is, or refused in a sentence.

The values come from a seeded generator that likes the edges of what can be. `--soak` tries more.
"""

from __future__ import annotations

import io
import json
import random
import zipfile
from dataclasses import fields
from typing import Any

import pytest

from core.errors import ConfigError, CorpusError, LabError, PromptError
from core.exchange.archive import open_run, packed
from core.library.intake import plain_text
from core.records.door import is_sound
from core.runs.lab import Lab
from core.settings.config import ModelConfig, RunConfig, SampleConfig, TrainConfig
from core.text.corpus import Vocabulary
from tests.helpers import add_corpus, files_under, filled, play, small_config, trained
from tests.soak import n_rounds

ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 2**31, 2**53, 2**63, 10**400, 0.0, -0.0, 0.5, 1e-300, 1e300,
    float("nan"), float("inf"), -float("inf"), "", "0", "NaN", "\x00", "\x01", "\udcff", "a" * 5000,
    [], [1], {}, {"a": 1}, "bigram", "transformer", "cuda", "modern", "fast", "cosine", "mps",
]  # fmt: skip


def odd(dice: random.Random) -> Any:
    kind = dice.random()
    if kind < 0.7:
        return dice.choice(ODD_VALUES)
    return dice.randint(-(2**40), 2**40) if kind < 0.85 else dice.uniform(-1e9, 1e9)


def test_made_up_settings_are_a_config_or_refused(pytestconfig: pytest.Config) -> None:
    dice, names = random.Random(1), [f.name for c in (ModelConfig, TrainConfig) for f in fields(c)]
    good = {
        kind: small_config(kind, 9).flat()  # type: ignore[arg-type]
        for kind in ("bigram", "attention", "transformer")
    }
    n_taken = 0
    for _ in range(n_rounds(pytestconfig, ci=1_000, soak=50_000)):
        flat = dict(dice.choice(list(good.values())))
        for name in dice.choices(names, k=dice.randint(1, 3)):
            flat[name] = odd(dice)
        try:
            config = RunConfig.from_flat(flat)
        except ConfigError as error:
            assert 10 < len(str(error)) < 500
            continue
        n_taken += 1
        kept = json.dumps(config.flat(), allow_nan=False)
        assert RunConfig.from_flat(json.loads(kept)).flat() == config.flat()
    assert n_taken > 0


def test_made_up_wishes_for_writing_are_taken_or_refused(pytestconfig: pytest.Config) -> None:
    dice, names = random.Random(2), [f.name for f in fields(SampleConfig)]
    for _ in range(n_rounds(pytestconfig, ci=500, soak=20_000)):
        try:
            SampleConfig(**{name: odd(dice) for name in dice.sample(names, 2)})
        except ConfigError as error:
            assert 10 < len(str(error)) < 500


ALPHABETS = [
    "ab\n",
    "\x00\x01\x7f",
    "äß€",
    "\ud800\udcff",
    "中文字",
    "👍🏽\u200d",
    " \t\r\n",
    "\ufeff",
]


def made_up_text(dice: random.Random) -> str:
    letters = "".join(dice.sample(ALPHABETS, dice.randint(1, 4)))
    return "".join(dice.choices(letters, k=dice.randint(0, 60)))


def test_made_up_bytes_are_a_text_or_refused(pytestconfig: pytest.Config) -> None:
    dice = random.Random(3)
    for _ in range(n_rounds(pytestconfig, ci=500, soak=20_000)):
        raw = (
            dice.randbytes(dice.randint(0, 200)) if dice.random() < 0.3
            else made_up_text(dice).encode(dice.choice(["utf-8", "utf-16"]), "surrogatepass")
        )  # fmt: skip
        try:
            text = plain_text(raw, "made up").text
        except CorpusError as error:
            assert 10 < len(str(error)) < 500
            continue
        text.encode("utf-8")
        assert "\r" not in text and len(set(text)) >= 2


def test_made_up_prompts_are_read_or_refused(pytestconfig: pytest.Config) -> None:
    dice, vocabulary = random.Random(4), Vocabulary.of("abc \nä€中")
    for _ in range(n_rounds(pytestconfig, ci=500, soak=20_000)):
        prompt = made_up_text(dice)
        try:
            tokens = vocabulary.encode(prompt)
        except PromptError as error:
            assert set(error.unknown) == set(prompt) - set(vocabulary.characters)
            continue
        assert vocabulary.decode(tokens) == prompt


# --- run files ------------------------------------------------------------------------------------


def a_run_file(lab: Lab) -> bytes:
    run_id = trained(lab, add_corpus(lab, "tiny", play(4_000)), name="owl")
    return packed(lab, lab.run(run_id))


def spoil_a_value(content: Any, dice: random.Random) -> None:
    """Put an odd value somewhere into nested dicts and lists."""
    while True:
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        key = dice.choice(keys)
        below = content[key]
        if isinstance(below, dict | list) and below and dice.random() < 0.8:
            content = below
            continue
        content[key] = odd(dice)
        return


def with_spoiled_values(file: bytes, dice: random.Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as whole, zipfile.ZipFile(out, "w") as other:
        tables = [n for n in whole.namelist() if n.endswith((".json", ".jsonl"))]
        spoiled = dice.choice([*tables, "manifest.json", "manifest.json"])
        for name in whole.namelist():
            content = whole.read(name)
            if name == "manifest.json" == spoiled:
                said = json.loads(content)
                spoil_a_value(said, dice)
                content = json.dumps(said).encode()
            elif name == spoiled:
                rows = [json.loads(line) for line in content.splitlines()]
                spoil_a_value(dice.choice(rows), dice)
                content = "".join(json.dumps(row) + "\n" for row in rows).encode()
            other.writestr(name, content)
    return out.getvalue()


def test_made_up_run_files_become_sound_runs_or_nothing(
    lab: Lab, pytestconfig: pytest.Config
) -> None:
    file, dice = filled(lab, a_run_file), random.Random(5)
    before = files_under(lab.home.runs)
    for _ in range(n_rounds(pytestconfig, ci=30, soak=1_000)):
        spoiled = with_spoiled_values(file, dice)
        try:
            run = open_run(lab, io.BytesIO(spoiled), "made.run.zip")
        except LabError as error:
            assert 10 < len(str(error)) < 1_000
            continue
        assert is_sound(lab.run(run.id)) and lab.store.unreadable_runs() == []
        assert all(map(is_sound, [*lab.store.steps(run.id), *lab.store.estimates(run.id)]))
        assert lab.store.tokens_per_s(run) is None or lab.store.tokens_per_s(run) != float("inf")
        lab.delete_run(run.id)
    assert files_under(lab.home.runs) == before


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1.0, 1e300])
@pytest.mark.parametrize("field", ["train_seconds", "wall_seconds", "created_at", "steps_per_s"])
def test_a_run_file_with_a_time_that_cannot_be_is_refused(
    lab: Lab, field: str, value: float
) -> None:
    out = io.BytesIO()
    file = filled(lab, a_run_file)
    with zipfile.ZipFile(io.BytesIO(file)) as whole, zipfile.ZipFile(out, "w") as other:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "manifest.json":
                said = json.loads(content)
                said["run"][field] = value
                content = json.dumps(said).encode()
            other.writestr(name, content)
    with pytest.raises(LabError, match="not a whole run file"):
        open_run(lab, out, "made.run.zip")
