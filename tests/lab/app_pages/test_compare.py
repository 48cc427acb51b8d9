"""Compare: the chosen runs on one axis, what differs between them, and the same prompt for each."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.generation.sampling import TokenRecord, write
from core.records.events import Race
from core.records.records import RunRecord
from core.runs.active_run import ActiveRun
from core.runs.branch import enter_branch
from core.runs.lab import Lab
from core.settings.config import SampleConfig
from core.text.corpus import Corpus
from lab.wording.comparison import EVERY_TEXT, ORDERS, curves_csv
from lab.wording.words import date
from tests.helpers import add_corpus, filled, play, small_run, train, trained, wait_until
from tests.pages import open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]

SHEETS = "compare_sheets"


@pytest.fixture
def small(pages: Lab) -> Corpus:
    return add_corpus(pages, "small", play(3_000))


def one_of_each(lab: Lab) -> list[str]:
    small = add_corpus(lab, "small", play(3_000))
    made = [trained(lab, small, kind) for kind in ("bigram", "attention", "transformer")]
    return made[::-1]


@pytest.fixture
def three(pages: Lab) -> list[str]:
    """One finished run of each model, the newest first."""
    return filled(pages, one_of_each)


def component(app: AppTest, key: str) -> dict[str, Any]:
    (found,) = [e for e in app.get("bidi_component") if e.key == key]
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


def figure(app: AppTest) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(component(app, "compare_curves")["figure"])
    return spec


def curves(app: AppTest) -> list[dict[str, Any]]:
    """The validation curves in the plot."""
    return [trace for trace in figure(app)["data"] if trace["mode"] == "lines+markers"]


def table_of(app: AppTest) -> Any:
    """The table of results and settings, a column for each run."""
    (table,) = [t.value for t in app.table if "**What came of it**" in t.value.to_string()]
    return table


def rows(app: AppTest) -> dict[str, list[str]]:
    """The table: what stands in each line, by the name of the line without its Markdown."""
    lines = [list(line) for line in table_of(app).itertuples(index=False)]
    return {line[0].replace("\\", "").replace("*", ""): line[1:] for line in lines}


def words_of(app: AppTest) -> str:
    return " ".join(e.value for e in [*app.markdown, *app.caption, *app.info, *app.error])


def choose(app: AppTest, *ids: str) -> None:
    app.multiselect(key="compare_runs").set_value(list(ids)).run()
    assert not app.exception


# --- which runs -----------------------------------------------------------------------------------


def test_an_empty_lab_shows_the_counted_lines_and_the_way_to_the_first_runs(pages: Lab) -> None:
    app = open_page("compare")
    notes = [note["text"] for note in figure(app)["layout"]["annotations"]]
    assert [note.split()[0] for note in notes] == [
        "uniform", "unigram", "bigram", "3-gram", "4-gram", "5-gram",
    ]  # fmt: skip
    assert "No run has been trained yet" in words_of(app)
    app.button(key="compare_home").click().run()
    assert not app.exception and "Three models" in app.title[0].value


def test_the_newest_run_of_each_model_is_chosen_to_begin_with(
    pages: Lab, small: Corpus, three: list[str]
) -> None:
    newer = trained(pages, small, "bigram")
    app = open_page("compare")
    assert set(app.multiselect(key="compare_runs").value) == {*three[:2], newer}
    assert len(curves(app)) == 3


def test_a_choice_stays_also_when_there_are_newer_runs(
    pages: Lab, small: Corpus, three: list[str]
) -> None:
    app = open_page("compare")
    newer = trained(pages, small, "bigram")
    app.run()
    assert newer in app.multiselect(key="compare_runs").value  # nobody has chosen yet
    choose(app, three[0])
    trained(pages, small, "transformer")
    app.switch_page("app_pages/corpus.py").run()
    app.switch_page("app_pages/compare.py").run()
    assert app.multiselect(key="compare_runs").value == [three[0]]


def test_without_a_choice_the_page_says_what_to_do(three: list[str]) -> None:
    app = open_page("compare")
    choose(app)
    assert "Choose a run" in app.info[0].value and not app.table


def test_a_run_that_was_deleted_is_no_longer_chosen(pages: Lab, three: list[str]) -> None:
    app = open_page("compare")
    pages.delete_run(three[0])
    app.run()
    assert not app.exception
    assert three[0] not in app.multiselect(key="compare_runs").value
    assert len(curves(app)) == 2


# --- the plot -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "title"),
    [
        ("steps", "steps"),
        ("characters", "characters seen"),
        ("seconds", "seconds of training"),
        ("waited", "seconds waited"),
        ("FLOPs", "FLOPs in matrix products"),
    ],
)
def test_the_horizontal_axis_can_be_chosen(three: list[str], axis: str, title: str) -> None:
    app = open_page("compare")
    app.segmented_control(key="compare_axis").set_value(axis).run()
    assert figure(app)["layout"]["xaxis"]["title"]["text"] == title


def test_who_leads_for_the_same_cost_is_said_on_every_axis(pages: Lab, three: list[str]) -> None:
    app = open_page("compare")
    lowest, *_ = sorted(map(pages.run, three), key=lambda run: run.val_loss_nats or 0.0)
    assert "After the same 40 steps: " in words_of(app)
    assert f"**{lowest.name}** ({lowest.model})".replace("-", r"\-") in words_of(app)
    for axis, unit in (("characters", "1,280 characters"), ("seconds", "s of"), ("FLOPs", "FLOPs")):
        app.segmented_control(key="compare_axis").set_value(axis).run()
        assert re.search(rf"After the same [\d., a-z]*{unit}", words_of(app)), axis
    assert "has no matrix products, so it stands at 0 FLOPs" in words_of(app)
    other = add_corpus(pages, "other", play(3_000, seed=5))
    choose(app, three[0], trained(pages, other, "attention"))
    assert "After the same" not in words_of(app)


def test_what_each_idea_bought_is_said_of_runs_on_one_text(pages: Lab, three: list[str]) -> None:
    for run_id, nats in zip(three, (2.087, 2.224, 2.504)):
        pages.store.update_run(run_id, val_loss_nats=nats)
    app = open_page("compare")
    names = [pages.run(run_id).name.replace("-", r"\-") for run_id in three]
    said = (
        f"After 40 steps each, :blue[**one layer of attention**] ({names[1]}) is **0.280 nats** "
        f"better than :orange[**the bigram table**] ({names[2]}): as unsure as among 9.2"
    )
    assert said in words_of(app)
    app.segmented_control(key="compare_unit").set_value("bits").run()
    assert f"is **{0.280 / math.log(2):.3f} bits** better than" in words_of(app)
    choose(app, three[0])
    assert "better than" not in words_of(app)
    other = add_corpus(pages, "other", play(3_000, seed=5))
    app.run()
    choose(app, three[0], trained(pages, other, "attention"))
    assert "better than" not in words_of(app)


def test_another_run_of_a_model_is_another_sentence(
    pages: Lab, small: Corpus, three: list[str]
) -> None:
    other = trained(pages, small, "transformer", name="other", n_layer=2)
    for run_id, nats in zip([*three, other], (2.087, 2.224, 2.504, 1.9)):
        pages.store.update_run(run_id, val_loss_nats=nats)
    app = open_page("compare")
    choose(app, *three)
    assert "is **0.137 nats** better than that" in words_of(app)
    choose(app, other, *three[1:])
    said = next(m.value for m in app.markdown if m.value.startswith("After 40 steps each"))
    assert ":green[**the transformer**] (other) is **0.324 nats** better than that" in said
    choose(app, other, three[0])
    assert "better than" not in words_of(app), "of one model there is nothing to add"


def test_losses_can_be_read_in_bits_in_the_plot_and_in_the_table(
    pages: Lab, three: list[str]
) -> None:
    app = open_page("compare")
    app.segmented_control(key="compare_unit").set_value("bits").run()
    assert "bits" in figure(app)["layout"]["yaxis"]["title"]["text"]
    nats = pages.run(three[0]).val_loss_nats
    assert nats is not None
    assert rows(app)["validation loss (bits)"][0].strip("*◆ ") == f"{nats / math.log(2):.3f}"
    assert "Losses in bits" in words_of(app)


def test_runs_of_one_model_have_signs_of_their_own(
    pages: Lab, small: Corpus, three: list[str]
) -> None:
    newer = trained(pages, small, "bigram")
    app = open_page("compare")
    choose(app, newer, three[-1])
    symbols = [trace["marker"]["symbol"] for trace in curves(app)]
    colors = [trace["line"]["color"] for trace in curves(app)]
    assert len(set(symbols)) == len(set(colors)) == 2


def test_a_name_is_no_html_in_the_plot_and_no_markdown_in_the_table(
    pages: Lab, three: list[str]
) -> None:
    pages.rename_run(three[0], "<b>*x*</b>")
    app = open_page("compare")
    assert any("&lt;b&gt;*x*" in trace["name"] for trace in curves(app))
    assert any(r"\*x\*" in str(column) for column in table_of(app).columns)


def choose_text(app: AppTest, text: str) -> None:
    app.selectbox(key="compare_text").set_value(text).run()
    assert not app.exception


def test_at_first_runs_of_one_text_are_compared_and_another_can_be_chosen(
    pages: Lab, small: Corpus, three: list[str]
) -> None:
    app = open_page("compare")
    assert not [box for box in app.selectbox if box.key == "compare_text"], "one text: no choice"
    other = add_corpus(pages, "other", "abc " * 1_000)
    newest = trained(pages, other, "attention")
    trained(pages, small, "bigram")
    app = open_page("compare")
    runs = app.multiselect(key="compare_runs")
    assert app.selectbox(key="compare_text").value == small.fingerprint, "that of the newest run"
    assert len(runs.value) == 3 and newest not in runs.value
    assert not any("other" in label for label in runs.options)
    choose_text(app, other.fingerprint)
    assert app.multiselect(key="compare_runs").value == [newest]
    assert len(curves(app)) == 1 and figure(app)["layout"]["annotations"]
    choose_text(app, EVERY_TEXT)
    labels = app.multiselect(key="compare_runs").options
    assert sum("· other ·" in label for label in labels) == 1 and len(labels) == 5


def test_after_a_choice_another_text_still_shows_runs(
    pages: Lab, small: Corpus, three: list[str]
) -> None:
    other = add_corpus(pages, "other", "abc " * 1_000)
    newest = trained(pages, other, "attention")
    app = open_page("compare")
    choose_text(app, small.fingerprint)
    choose(app, three[0])
    choose_text(app, other.fingerprint)
    assert app.multiselect(key="compare_runs").value == [newest]


def test_the_picker_says_what_tells_runs_apart(pages: Lab, three: list[str]) -> None:
    app = open_page("compare")
    record = pages.run(three[0])
    label = next(x for x in app.multiselect(key="compare_runs").options if record.name in x)
    loss = f"{record.best_val_loss_nats:.3f}"
    assert label == f"{record.name} · transformer · {loss} nats · {date(record.created_at)}"


def test_that_equal_steps_are_not_equal_reading_is_said_for_other_block_sizes(
    pages: Lab, small: Corpus
) -> None:
    ids = [trained(pages, small, "attention", block_size=size) for size in (8, 16)]
    app = open_page("compare")
    choose(app, *ids)
    assert rows(app)["characters a step"] == ["64", "32"]
    assert "Equal steps are not equal reading" in words_of(app)
    app.segmented_control(key="compare_axis").set_value("characters").run()
    assert "Equal steps are not equal reading" not in words_of(app)
    app.segmented_control(key="compare_axis").set_value("steps").run()
    choose(app, ids[0])
    assert "Equal steps are not equal reading" not in words_of(app)


def test_that_models_of_a_race_wait_for_each_other_is_said(pages: Lab, small: Corpus) -> None:
    ids = [trained(pages, small, kind) for kind in ("bigram", "attention")]
    app = open_page("compare")
    choose(app, *ids)
    app.segmented_control(key="compare_axis").set_value("waited").run()
    assert "take turns" not in words_of(app)
    for run_id in ids:
        pages.store.add_event(run_id, 0, Race("a", "seconds", 20))
    app.run()
    assert words_of(app).count("take turns") == 2, "at the curve and at the table"
    app.segmented_control(key="compare_axis").set_value("steps").run()
    assert words_of(app).count("take turns") == 1


def test_runs_on_different_texts_are_not_ranked_and_have_no_counted_lines(
    pages: Lab, small: Corpus
) -> None:
    other = add_corpus(pages, "other", "abc " * 1_000)
    ids = [trained(pages, corpus, "bigram") for corpus in (small, other)]
    app = open_page("compare")
    choose_text(app, EVERY_TEXT)
    choose(app, *ids)
    assert "different texts" in words_of(app)
    assert not figure(app)["layout"].get("annotations")
    table = rows(app)
    assert table["corpus"] == ["other", "small"]
    assert not any("◆" in cell for cell in table["validation loss (nats)"])
    assert any("◆" in cell for cell in table["throughput (characters a second)"])


def test_a_run_whose_text_is_gone_is_shown_without_counted_lines(
    pages: Lab, small: Corpus, three: list[str]
) -> None:
    pages.library.path("small").unlink()
    app = open_page("compare")
    assert "No counted lines" in words_of(app) and len(curves(app)) == 3


# --- the table ------------------------------------------------------------------------------------


def test_only_the_settings_that_differ_are_shown(pages: Lab, small: Corpus) -> None:
    ids = [trained(pages, small, "transformer", n_layer=n) for n in (1, 2)]
    app = open_page("compare")
    choose(app, *ids)
    names = list(rows(app))
    assert names[names.index("Set differently") + 1 :] == ["layers"]
    assert rows(app)["layers"] == ["2", "1"]  # the newest first


def test_settings_that_are_alike_are_shown_when_asked_for(pages: Lab, small: Corpus) -> None:
    ids = [trained(pages, small, "transformer", n_layer=n) for n in (1, 2)]
    app = open_page("compare")
    choose(app, *ids)
    app.session_state["compare_sections"] = ["What came of it", "Set alike"]
    app.run()
    table = rows(app)
    assert "layers" not in table and table["heads"] == ["2", "2"]
    app.session_state["compare_sections"] = []
    app.run()
    assert not app.exception and "No part of the table" in words_of(app)


@pytest.mark.parametrize("order", ORDERS)
def test_the_run_that_is_asked_for_stands_first(pages: Lab, three: list[str], order: str) -> None:
    app = open_page("compare")
    app.selectbox(key="compare_order").set_value(order).run()
    values: dict[str, Callable[[RunRecord], float]] = {
        "newest": lambda run: -run.created_at,
        "best validation loss": lambda run: run.best_val_loss_nats or math.inf,
        "parameters": lambda run: run.n_params,
        "training time": lambda run: run.train_s,
        "time waited": lambda run: run.wall_s or math.inf,
        "throughput": lambda run: -(pages.store.tokens_per_s(run) or 0.0),
    }
    ordered = sorted(map(pages.run, three), key=values[order])
    headings = [str(column).replace("\\", "") for column in table_of(app).columns[1:]]
    assert [run.name in heading for run, heading in zip(ordered, headings)] == [True] * 3


@pytest.mark.parametrize("unit", ["nats", "bits"])
def test_losses_stand_in_both_units_with_their_perplexity(
    pages: Lab, three: list[str], unit: str
) -> None:
    app = open_page("compare")
    app.segmented_control(key="compare_unit").set_value(unit).run()
    best = [pages.run(run_id).best_val_loss_nats or 0.0 for run_id in three]
    said = {"nats": [f"{b:.3f}" for b in best], "bits": [f"{b / math.log(2):.3f}" for b in best]}
    other = "bits" if unit == "nats" else "nats"
    table = rows(app)

    def numbers(line: str) -> list[str]:
        return [cell.split(" ")[0].strip("*") for cell in table[line]]

    assert numbers(f"best validation loss ({unit})") == said[unit]
    assert numbers(f"the same in {other}") == said[other]
    assert [float(n) for n in numbers("perplexity: as unsure as among … characters")] == (
        pytest.approx([math.exp(b) for b in best], rel=0.05)
    )


def test_a_setting_that_was_changed_on_the_way_has_all_its_values(
    pages: Lab, small: Corpus
) -> None:
    ids = [small_run(pages, small, learning_rate=rate) for rate in (0.01, 0.05)]
    run = ActiveRun.open(pages.home, pages.store, ids[0])
    run.advance(60.0, until=20)
    run.set_learning_rate(0.05)
    run.advance(60.0)
    run.finish()
    run.close()
    train(pages, ids[1])
    app = open_page("compare")
    choose(app, *ids)
    assert rows(app)["learning rate"] == ["0.05", "0.01, from step 20 0.05"]


def test_the_best_value_of_a_line_has_a_sign(pages: Lab, three: list[str]) -> None:
    app = open_page("compare")
    records = [pages.run(run_id) for run_id in three]
    losses = [record.val_loss_nats for record in records]
    cells = rows(app)["validation loss (nats)"]
    assert all(loss is not None for loss in losses)
    best = min(range(3), key=lambda i: losses[i] or 0.0)
    assert ["◆" in cell for cell in cells] == [i == best for i in range(3)]
    fastest = max(range(3), key=lambda i: pages.store.tokens_per_s(records[i]) or 0.0)
    assert "◆" in rows(app)["throughput (characters a second)"][fastest]
    assert not any("◆" in cell for cell in rows(app)["parameters"])


def test_one_run_alone_is_best_at_nothing(three: list[str]) -> None:
    app = open_page("compare")
    choose(app, three[0])
    assert not any("◆" in cell for cells in rows(app).values() for cell in cells)
    assert "Set differently" not in rows(app)


def test_a_live_run_is_shown_as_far_as_it_is(pages: Lab, small: Corpus) -> None:
    run = ActiveRun.open(pages.home, pages.store, small_run(pages, small, "bigram", name="live"))
    try:
        run.advance(60.0, until=20)
        run.set_status("running")
        app = open_page("compare")
        assert rows(app)["steps"] == ["20 of 40"] and rows(app)["status"] == ["running"]
        assert rows(app)["validation loss (nats)"] == ["–"]
        run.finish()
    finally:
        run.close()
    app.run()
    assert not app.exception and rows(app)["status"] == ["finished"]


# --- what a lower loss costs ----------------------------------------------------------------------


def test_every_run_that_is_over_stands_against_its_cost_and_a_click_opens_it(
    pages: Lab, small: Corpus, three: list[str], plots: Plots
) -> None:
    unfinished = small_run(pages, small, "attention")
    ahead = trained(
        pages, small, "transformer", block="ladder", ideas="attention,scale,positions", n_layer=1
    )
    app = open_page("compare")
    figure = plots.figures["compare_costs_parameters"]
    points = {
        run_id: (x, y)
        for trace in figure.data if trace.mode == "markers"
        for run_id, x, y in zip(trace.customdata, trace.x, trace.y)
    }  # fmt: skip
    assert points.keys() == set(three) and unfinished not in points and ahead not in points
    for run_id in three:
        run = pages.run(run_id)
        assert points[run_id] == pytest.approx((run.n_params, run.best_val_loss_nats))
    counted = next(t for t in figure.data if t.name == "counted")
    assert list(counted.text) == ["counted pairs", "3-gram", "4-gram", "5-gram"]
    assert (
        "Losses against parameters. No run beats, in both, "
        in (plots.alts["compare_costs_parameters"])
    )
    assert "beaten by none" in words_of(app) and "stored counts" in words_of(app)
    plots.click("compare_costs_seconds", x=1.0, y=2.0, customdata=three[1])
    app.run()
    assert not app.exception and app.query_params["run"] == pages.run(three[1]).name


def test_runs_on_two_texts_have_no_common_front(pages: Lab, small: Corpus, plots: Plots) -> None:
    ids = [trained(pages, small), trained(pages, add_corpus(pages, "other", play(3_000, seed=5)))]
    app = open_page("compare")
    choose_text(app, EVERY_TEXT)
    choose(app, *ids)
    plots.figures.clear()
    app.run()
    assert "compare_costs_parameters" not in plots.figures


# --- every run ------------------------------------------------------------------------------------


def every_run(app: AppTest) -> Any:
    """The table of all runs, once its fold is open."""
    app.session_state["compare_every_fold"] = True
    app.run()
    assert not app.exception
    (table,) = [t.value for t in app.dataframe]
    return table


def test_all_runs_can_be_searched_and_told_apart_by_model(
    pages: Lab, small: Corpus, three: list[str]
) -> None:
    other = pages.run(trained(pages, small, "attention", name="wide", block_size=16))
    app = open_page("compare")
    table = every_run(app)
    assert list(table["Name"]) == [run.name for run in pages.runs()]
    assert table["Perplexity"][0] == pytest.approx(math.exp(other.best_val_loss_nats or 0.0))
    assert table["Best loss (bits)"][0] == pytest.approx(
        (other.best_val_loss_nats or 0) / math.log(2)
    )
    assert "Block size (characters)" in table.columns
    assert all(isinstance(rate, int) for rate in table["Characters a second"].tolist())
    app.text_input(key="compare_search").set_value("block size 16").run()
    assert list(every_run(app)["Name"]) == ["wide"]
    app.text_input(key="compare_search").set_value("").run()
    app.session_state["compare_kinds"] = ["bigram"]
    assert list(every_run(app)["Model"]) == ["bigram"]
    app.text_input(key="compare_search").set_value("nobody").run()
    assert "None of the 4 runs" in words_of(app) and not app.dataframe


def test_a_model_that_looks_ahead_has_no_loss_among_the_others(pages: Lab, small: Corpus) -> None:
    trained(
        pages, small, "transformer", block="ladder", ideas="attention,scale,positions", n_layer=1
    )
    trained(pages, small, "bigram")
    app = open_page("compare")
    table = every_run(app)
    assert [bool(known) for known in table["Best loss (nats)"].notna()] == [True, False]
    said = words_of(app)
    assert said.count("A model without a causal mask sees what it is to guess") == 3
    assert "as far as all have come" not in said  # nobody leads: there is one to compare


# --- files ----------------------------------------------------------------------------------------


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], str]]:
    """The files that a page offers, by the key of the button, to be made by calling them."""
    offered: dict[str, Callable[[], str]] = {}

    def button(label: str, data: Any, *args: object, key: str, **kwargs: object) -> None:
        offered[key] = data

    monkeypatch.setattr("streamlit.download_button", button)
    return offered


def lines_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_as_a_file_is_not_rounded_and_has_every_setting(
    pages: Lab, three: list[str], files: dict[str, Callable[[], str]]
) -> None:
    open_page("compare")
    lines = lines_of(files["compare_csv_table"]())
    assert [line["id"] for line in lines] == three
    for line, record in zip(lines, map(pages.run, three)):
        assert record.val_loss_nats is not None
        assert float(line["val_loss"]) == record.val_loss_nats
        assert float(line["learning_rate"]) == record.config.train.learning_rate
    assert lines[-1]["n_layer"] == ""  # the bigram table has none


def test_the_curves_as_a_file_hold_every_step_and_every_estimate(
    pages: Lab, three: list[str], files: dict[str, Callable[[], str]]
) -> None:
    open_page("compare")
    lines = [x for x in lines_of(files["compare_csv_curves"]()) if x["id"] == three[0]]
    steps, estimates = pages.store.steps(three[0]), pages.store.estimates(three[0])
    batch = [x for x in lines if x["measured"] == "batch"]
    assert [float(x["loss_nats"]) for x in batch] == [s.loss_nats for s in steps]
    assert [float(x["seconds"]) for x in batch] == [s.elapsed_s for s in steps]
    validation = [x for x in lines if x["measured"] == "validation estimate"]
    assert [float(x["loss_nats"]) for x in validation] == [e.val_loss_nats for e in estimates]
    config = pages.run(three[0]).config
    per_step = config.train.batch_size * config.model.block_size
    assert all(int(x["characters"]) == int(x["step"]) * per_step for x in lines)


def test_characters_in_a_file_are_counted_by_the_batch_size_of_each_stretch(
    lab: Lab, corpus: Corpus
) -> None:
    parent = lab.run(trained(lab, corpus))  # batches of 4 windows of 8 characters
    child = train(lab, enter_branch(lab, parent, 20, {"batch_size": 2}))
    lines = lines_of(curves_csv(lab.store, [lab.run(child)]))
    seen = {int(line["step"]): int(line["characters"]) for line in lines}
    assert [seen[step] for step in (0, 1, 20, 21, 40)] == [0, 32, 640, 656, 960]


# --- the same prompt ------------------------------------------------------------------------------


def let_them_write(app: AppTest) -> None:
    """Press Write and let the fragment tick until every text is finished."""
    app.button(key="compare_write").click().run()

    def over() -> bool:
        app.run()
        assert not app.exception
        sheets = app.session_state[SHEETS]
        return all(s.writing is None or s.writing.snapshot().over for s in sheets)

    wait_until(over, "all texts are written")
    app.run()


def test_each_run_continues_the_same_prompt_with_the_same_settings(
    pages: Lab, three: list[str]
) -> None:
    app = open_page("compare")
    app.text_area(key="compare_prompt").set_value("OWL:\n")
    app.slider(key="compare_length").set_value(50)
    app.slider(key="compare_temperature").set_value(0.5)
    app.number_input(key="compare_seed").set_value(7)
    let_them_write(app)
    config = SampleConfig(max_new_tokens=50, temperature=0.5, seed=7)
    for place, run_id in enumerate(three):
        loaded = pages.model(pages.run(run_id))
        expected = write(loaded.model, loaded.vocabulary, "OWL:\n", config)
        assert component(app, f"compare_text_{place}_0")["added"] == expected
    for run_id in three:
        record = pages.run(run_id)
        assert f"({record.model}), loss **{record.best_val_loss_nats:.3f} nats**" in words_of(app)
        assert f"best checkpoint, step {record.best_step} · " in words_of(app)
    assert "Temperature 0.5 · seed 7" in words_of(app)
    app.segmented_control(key="compare_unit").set_value("bits").run()
    nats = pages.run(three[0]).best_val_loss_nats
    assert nats is not None
    assert f"loss **{nats / math.log(2):.3f} bits**" in words_of(app)


def test_texts_that_the_controls_no_longer_ask_for_are_marked(three: list[str]) -> None:
    app = open_page("compare")
    app.slider(key="compare_length").set_value(50)
    let_them_write(app)
    assert "other settings" not in words_of(app)
    assert not component(app, "compare_text_0_0")["is_past"]
    app.slider(key="compare_temperature").set_value(1.5).run()
    assert "Written with other settings: temperature 0.8 (now 1.5)" in words_of(app)
    assert component(app, "compare_text_0_0")["is_past"]
    app.slider(key="compare_temperature").set_value(0.8).run()
    assert not component(app, "compare_text_0_0")["is_past"]
    choose(app, three[0])
    assert "Written with other settings: other runs" in words_of(app)


def test_a_run_that_cannot_read_the_prompt_says_so_and_the_others_write(
    pages: Lab, small: Corpus
) -> None:
    other = add_corpus(pages, "other", "abc " * 1_000)
    trained(pages, small, "bigram")
    trained(pages, other, "transformer")
    app = open_page("compare")
    choose_text(app, EVERY_TEXT)
    assert len(app.multiselect(key="compare_runs").value) == 2
    prompt = app.text_area(key="compare_prompt").value
    assert not small.vocabulary.unknown(prompt) and not other.vocabulary.unknown(prompt)
    app.text_area(key="compare_prompt").set_value("OWL")
    app.slider(key="compare_length").set_value(50)
    let_them_write(app)
    assert len(app.error) == 1 and "O" in app.error[0].value
    assert len(component(app, "compare_text_1_0")["added"]) == 50


def test_all_write_side_by_side_and_all_can_be_stopped(
    three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*args: object) -> Iterator[tuple[TokenRecord]]:
        import time

        while True:
            time.sleep(0.005)
            yield (TokenRecord(0, "a", 0.5, 1),)

    app = open_page("compare")
    monkeypatch.setattr("lab.session.writing.generate_together", endless)
    app.button(key="compare_write").click().run()
    writings = [sheet.writing for sheet in app.session_state[SHEETS]]
    assert [writing.snapshot().state for writing in writings] == ["writing"] * 3
    wait_until(lambda: all(w.snapshot().n_written for w in writings), "each has begun")
    app.button(key="compare_stop").click().run()
    assert [writing.snapshot().state for writing in writings] == ["stopped"] * 3
    app.run()
    assert app.button(key="compare_write")
