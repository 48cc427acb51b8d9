"""What each command does: takes parsed arguments, returns the fields of its last line.

Everything that a page can do can be done here. Progress goes to stderr; parsing, printing and exit
codes are `core.command_line`'s. Where each command is:

* `training`: `train`, `resume`; `racing`: `race`; `sweeping`: `sweep …`
* `running`: `eval`, `generate`, `export`, `import`, and of `runs` the list, `rename` and `branch`
* `showing`: `runs show`; `disk_and_bin`: `runs delete`, `restore`, `empty_bin`, `disk`, `clean`
* `inspecting`: `inspect …`; `scoring`: `score`, `memorised`; `challenging`: `challenges`
* `texts`: `corpus …`; `benchmarking`: `bench`
* `flags`: what each takes from the command line
* `wording` and `tables`: how what a command returns is said to a person
"""

from __future__ import annotations

from core.commands.benchmarking import bench
from core.commands.challenging import challenges
from core.commands.common import Command, Fields
from core.commands.disk_and_bin import clean, delete, disk, empty_bin, restore
from core.commands.inspecting import (
    inspect_attention,
    inspect_cell,
    inspect_context,
    inspect_embeddings,
    inspect_heads,
    inspect_history,
    inspect_lens,
    inspect_matrix,
    inspect_step,
)
from core.commands.laddering import (
    delete_ladder,
    ladder,
    list_ladders,
    resume_ladder,
    show_ladder,
)
from core.commands.racing import race
from core.commands.running import (
    branch,
    evaluate,
    export,
    import_model,
    list_runs,
    rename,
    write_text,
)
from core.commands.scoring import memorised, score_text
from core.commands.showing import show
from core.commands.sweeping import (
    delete_sweep,
    list_sweeps,
    resume_sweep,
    show_sweep,
    sweep,
)
from core.commands.texts import (
    add_corpus,
    corpus_stats,
    delete_corpus,
    empty_corpus_bin,
    get_corpus,
    list_corpora,
    restore_corpus,
)
from core.commands.training import Failed, Interrupted, resume, train

__all__ = [
    "Command",
    "Failed",
    "Fields",
    "Interrupted",
    "add_corpus",
    "bench",
    "branch",
    "challenges",
    "clean",
    "corpus_stats",
    "delete",
    "delete_corpus",
    "delete_ladder",
    "delete_sweep",
    "disk",
    "empty_bin",
    "empty_corpus_bin",
    "evaluate",
    "export",
    "get_corpus",
    "import_model",
    "inspect_attention",
    "inspect_cell",
    "inspect_context",
    "inspect_embeddings",
    "inspect_heads",
    "inspect_history",
    "inspect_lens",
    "inspect_matrix",
    "inspect_step",
    "ladder",
    "list_corpora",
    "list_ladders",
    "list_runs",
    "list_sweeps",
    "memorised",
    "race",
    "rename",
    "restore",
    "restore_corpus",
    "resume",
    "resume_ladder",
    "resume_sweep",
    "score_text",
    "show",
    "show_ladder",
    "show_sweep",
    "sweep",
    "train",
    "write_text",
]  # fmt: skip
