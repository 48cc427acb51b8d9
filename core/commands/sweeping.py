"""The command `sweep`: train a grid of runs to its end, go on with one, look at one."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from core.commands.background import train_together
from core.commands.common import Fields, flags, say
from core.commands.training import Failed, Interrupted
from core.errors import ConfigError
from core.experiments.grid import SWEPT, Axis
from core.experiments.sweep import (
    Cell,
    Sweep,
    enter_sweep,
    load_sweep,
    load_sweeps,
    sweep_cells,
    sweep_progress,
    unreadable_sweeps,
)
from core.experiments.sweep import delete_sweep as remove_sweep
from core.runs.lab import Lab
from core.settings.config import RunConfig
from core.text.corpus import Corpus


def sweep(lab: Lab, args: Namespace) -> Fields:
    missing = [f"--{name}" for name in ("model", "x", "y") if getattr(args, name) is None]
    if missing:
        raise ConfigError(
            f"A new sweep needs {' and '.join(missing)}, for example `sweep --model transformer "
            "--x block_size=16,32,64 --y n_head=1,2,4`; resume, list, show and delete do not."
        )
    held = args.hold == "characters"
    x, y = _axis(args.x, held), _axis(args.y, held)
    if held and not (x.hold_characters or y.hold_characters):
        raise ConfigError("--hold characters needs block_size as --x or --y; else nothing differs.")
    corpus = lab.library.load(args.corpus)
    base = _base(lab, args, corpus, x, y)
    return _train_cells(lab, enter_sweep(lab, base, corpus, x, y, args.name))


def resume_sweep(lab: Lab, args: Namespace) -> Fields:
    return _train_cells(lab, load_sweep(lab, args.sweep))


def show_sweep(lab: Lab, args: Namespace) -> Fields:
    return _fields(lab, load_sweep(lab, args.sweep))


def list_sweeps(lab: Lab, args: Namespace) -> Fields:
    for sentence in unreadable_sweeps(lab):
        say(sentence)
    return {"sweeps": [_summary(lab, each) for each in load_sweeps(lab)]}


def delete_sweep(lab: Lab, args: Namespace) -> Fields:
    gone = load_sweep(lab, args.sweep)
    summary = _summary(lab, gone)
    remove_sweep(lab, gone)
    return {"sweeps": [summary]}


# --- what was asked for ---------------------------------------------------------------------------


def _axis(text: str, held: bool) -> Axis:
    """`block_size=16,32,64` as the axis of a sweep; that one may hold the characters of a step."""
    name, _, values = text.partition("=")
    name, held = name.strip(), held and name.strip() == "block_size"
    try:
        return Axis.of(name, [float(v) for v in values.split(",")], hold_characters=held)
    except ValueError:
        raise ConfigError(
            f"An axis is a setting and its values, such as block_size=16,32,64, not {text!r}; "
            f"the settings are {', '.join(SWEPT)}."
        ) from None


def _base(lab: Lab, args: Namespace, corpus: Corpus, x: Axis, y: Axis) -> RunConfig:
    """What all cells have in common: the settings of the first cell that can be."""
    given = flags(args)
    if twice := [axis.name for axis in (x, y) if axis.name in given]:
        raise ConfigError(f"{twice[0]} is swept over, so --{twice[0]} would change nothing.")
    first: ConfigError | None = None
    for up in y.values:
        for across in x.values:
            named = given | {x.name: across, y.name: up}
            try:
                return lab.configure(args.model, corpus, args.preset, args.recipe, **named)
            except ConfigError as error:
                first = first or error
    assert first is not None  # an axis has at least one value
    raise first


# --- training -------------------------------------------------------------------------------------


def _train_cells(lab: Lab, chosen: Sweep) -> Fields:
    """Train what is left of a sweep until its end or a signal, with a progress bar."""
    progress = sweep_progress(sweep_cells(lab, chosen))
    held = chosen.held_characters
    reads = f", {held:,} characters in every step" if held else ""
    say(
        f"{chosen.name}: {chosen.base.model.model}, {chosen.x.name} across, {chosen.y.name} up, "
        f"{progress.n_cells} runs, {progress.n_done} of them done{reads}"
    )
    signals = train_together(
        lab, chosen.id, lambda: sweep_progress(sweep_cells(lab, chosen)), "runs"
    )
    fields = _fields(lab, chosen)
    if signals:
        raise Interrupted(signals[0], fields)
    failed = [cell for cell in fields["cells"] if cell["status"] == "failed"]
    for cell in failed:
        say(f"{chosen.x.name} {cell[chosen.x.name]}, {chosen.y.name} {cell[chosen.y.name]}: "
            f"{cell['message']}")  # fmt: skip
    if failed and len(failed) == sweep_progress(sweep_cells(lab, chosen)).n_cells:
        raise Failed(f"All cells of {chosen.name} failed.", fields)
    return fields


# --- what is said ---------------------------------------------------------------------------------


def _fields(lab: Lab, chosen: Sweep) -> Fields:
    cells = [_cell_fields(chosen, cell) for cell in sweep_cells(lab, chosen)]
    held = chosen.held_characters
    return ({"characters_per_step": held} if held else {}) | {
        "sweep": chosen.id, "name": chosen.name, "model": chosen.base.model.model,
        "corpus": chosen.corpus, "x": chosen.x.name, "y": chosen.y.name, "cells": cells,
    }  # fmt: skip


def _cell_fields(chosen: Sweep, cell: Cell) -> dict[str, Any]:
    place = {chosen.x.name: cell.x, chosen.y.name: cell.y}
    run = cell.run
    if run is None:
        return place | {
            "run": None, "status": "impossible", "iter": 0, "val_loss": None, "train_seconds": 0.0,
            "wall_seconds": None, "n_params": None, "message": cell.why_not,
        }  # fmt: skip
    return place | {
        "run": run.id, "status": run.status, "iter": run.step, "val_loss": run.val_loss_nats,
        "train_seconds": run.train_s, "wall_seconds": run.wall_s, "n_params": run.n_params,
        "message": run.message,
    }  # fmt: skip


def _summary(lab: Lab, chosen: Sweep) -> dict[str, Any]:
    progress = sweep_progress(sweep_cells(lab, chosen))
    return {
        "sweep": chosen.id, "name": chosen.name, "model": chosen.base.model.model,
        "corpus": chosen.corpus, "x": chosen.x.name, "y": chosen.y.name,
        "n_cells": progress.n_cells, "n_done": progress.n_done, "n_failed": progress.n_failed,
    }  # fmt: skip
