"""Which way the arrows point, and other promises about the source itself."""

from __future__ import annotations

import ast
import functools
import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

import pytest
from _plotly_utils.basevalidators import ColorValidator

from core import commands
from core.command_line import command_line
from tests.helpers import ROOT

CORE = sorted((ROOT / "core").rglob("*.py"))
LAB = sorted((ROOT / "lab").rglob("*.py"))
FIGURES = [path for path in LAB if path.relative_to(ROOT / "lab").parts[0].startswith("figures")]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def each_file(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=name_of)


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports_of(path: Path) -> set[str]:
    """The first part of the name of everything that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}


def test_there_is_something_to_look_at() -> None:
    assert len(CORE) > 20
    assert ROOT / "core" / "models" / "attention.py" in CORE


# --- imports --------------------------------------------------------------------------------------


@each_file(CORE)
def test_the_core_knows_nothing_of_the_screen(path: Path) -> None:
    assert not imports_of(path) & {"streamlit", "plotly", "lab", "tests"}


@each_file(FIGURES)
def test_figures_know_nothing_of_the_app(path: Path) -> None:
    assert not imports_of(path) & {"streamlit"}


ROOMS = {
    "core.errors": "",
    "core.settings": "",
    "core.text": "",
    "core.models": "settings",
    "core.records": "settings",
    "core.findings": "settings text records",
    "core.storage": "settings records",
    "core.registry": "settings records storage",
    "core.training": "settings text models records",
    "core.generation": "settings text models",
    "core.interpretability": "text models training",
    "core.library": "text findings storage training",
    "core.runs": "settings text models records registry storage training generation library",
    "core.challenges": "settings text models records findings storage training interpretability "
    "runs",
    "core.experiments": "settings text models records storage training runs",
    "core.service": "settings text records training runs experiments",
    "core.exchange": "settings text models records findings registry storage training generation "
    "library runs experiments",
    "core.bench": "settings text models storage training generation interpretability runs exchange",
    "core.commands": "*",
    "core.command_line": "*",
    "core.__main__": "command_line",
    "lab.wording": "settings text records findings registry runs",
    "lab.figures": "settings text records findings training generation interpretability "
    "experiments wording",
    "lab.session": "settings text models records training generation interpretability storage runs "
    "challenges service figures",
    "lab.components": "text generation figures",
    "lab.widgets": "settings text models records storage runs experiments wording figures "
    "components session",
    "lab.attention_page": "settings text models records findings training generation "
    "interpretability runs wording figures components session widgets",
    "lab.generate_page": "settings text records findings storage generation runs wording figures "
    "components session widgets",
    "lab.model_page": "settings text models records findings interpretability runs wording figures "
    "components session widgets",
    "lab.bigram_page": "settings text records findings interpretability runs wording figures "
    "components session widgets",
    "lab.corpus_page": "text records library wording figures components session widgets",
    "lab.compare_page": "settings text records findings interpretability wording figures "
    "components session widgets",
    "lab.train_page": "settings text records findings training generation interpretability runs "
    "experiments service exchange wording figures components session widgets",
    "lab.ladder_page": "settings text findings interpretability training experiments wording "
    "figures components session widgets",
    "lab.challenges_page": "settings text records challenges wording figures components session "
    "widgets",
    "lab.visit": "settings text models records findings interpretability storage runs wording "
    "figures session widgets attention_page train_page",
    "lab.app_pages": "*",
    "lab.preloading": "",
    "lab.guard": "",
    "lab.frame": "*",
    "lab.Home": "*",
}
"""The house from the ground up: what each room may import. All may import `core.errors`, and `*` is
everything above it in this table. Who wants another arrow writes it here, where it can be seen."""


def room_of(module: str) -> str | None:
    """The room that a module stands in; None outside of the house."""
    return next((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), None)


def modules_of(path: Path) -> set[str]:
    """Everything of the house that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("core", "lab")}


def test_no_arrow_points_up() -> None:
    """Every room stands below those that import it, so there is no way round in a circle."""
    order = list(ROOMS)
    for room in order:
        below = {name.split(".")[1] for name in order[: order.index(room)]}
        assert set(ROOMS[room].replace("*", "").split()) <= below, room


@each_file([*CORE, *LAB])
def test_each_room_imports_what_it_may(path: Path) -> None:
    name = name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    if name in ("core", "lab"):
        return
    room = room_of(name)
    assert room, f"{name} stands in no room"
    order = list(ROOMS)
    may = {r for r in order[: order.index(room)] if r.split(".")[1] in ROOMS[room].split()}
    if ROOMS[room] == "*":
        may = set(order[: order.index(room)])
    for imported in modules_of(path):
        assert room_of(imported) in {room, "core.errors", *may}, imported


def test_every_arrow_that_is_allowed_is_there() -> None:
    """A promise that nothing needs any more is taken out of the table."""
    drawn: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in [*CORE, *LAB]:
        name = name_of(path).removesuffix(".py").replace("/", ".")
        if room := room_of(name):
            drawn[room] |= {(room_of(m) or "").split(".")[-1] for m in modules_of(path)}
    for room, allowed in ROOMS.items():
        assert set(allowed.replace("*", "").split()) <= drawn[room], room


@each_file(sorted((ROOT / "core" / "models").glob("*.py")))
def test_models_know_no_disk_and_no_thread(path: Path) -> None:
    assert not imports_of(path) & {"pathlib", "os", "threading", "sqlite3", "io"}


ARITHMETIC = ["settings/config", "text/corpus", "text/reference", "training/optim",
              "training/trainer", "training/evaluation"]  # fmt: skip


@pytest.mark.parametrize("file", ARITHMETIC)
def test_the_arithmetic_knows_no_thread_and_no_disk(file: str) -> None:
    path = ROOT / "core" / f"{file}.py"
    assert not imports_of(path) & {"threading", "sqlite3", "pathlib", "os", "filelock", "signal"}


def loaded_with(room: str) -> set[str]:
    """The modules of the core that importing one of them loads, itself among them."""
    files = {name_of(path).removesuffix(".py").removesuffix("/__init__"): path for path in CORE}
    loaded: set[str] = set()
    waiting = [room]
    while waiting:
        name = waiting.pop()
        path = files.get(name.replace(".", "/"))
        if path and name not in loaded:
            loaded.add(name)
            for node in ast.walk(parsed(path)):
                if isinstance(node, ast.ImportFrom) and node.module:
                    waiting += [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
    return loaded


@pytest.mark.parametrize(
    ("room", "far"),
    [
        (
            "core.registry",
            {"core.training.trainer", "core.runs.active_run", "core.storage.checkpoint"},
        ),
        ("core.findings.curve", {"core.training.trainer", "core.registry"}),
        ("core.findings.notes", {"core.training.trainer", "core.registry"}),
        ("core.experiments.grid", {"core.runs.active_run", "core.registry"}),
        ("core.records.records", {"core.training.trainer", "core.registry"}),
    ],
)
def test_what_describes_runs_does_not_load_what_makes_them(room: str, far: set[str]) -> None:
    loaded = loaded_with(room)
    assert room in loaded and not loaded & far


# --- habits ---------------------------------------------------------------------------------------


THREADS = ["core/service/worker.py", "lab/session/writing.py"]
"""Where a thread of its own works, which has nobody to raise to, and records what goes wrong."""


def broad_handlers(path: Path) -> Iterator[ast.ExceptHandler]:
    """Handlers that catch everything and do not raise it again."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.walk(node.type) if node.type else []
            names = {n.id for n in caught if isinstance(n, ast.Name)}
            is_broad = node.type is None or names & {"Exception", "BaseException"}
            last = node.body[-1]
            if is_broad and not (isinstance(last, ast.Raise) and last.exc is None):
                yield node


@each_file([*CORE, *LAB])
def test_no_exception_is_swallowed_but_by_a_thread_that_records_it(path: Path) -> None:
    handlers = list(broad_handlers(path))
    assert len(handlers) <= (name_of(path) in THREADS)
    assert all("log.exception(" in ast.unparse(handler) for handler in handlers)


def calls_of(path: Path, name: str) -> list[ast.Call]:
    calls = (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
    return [call for call in calls if ast.unparse(call.func) == name]


@each_file([*CORE, *LAB])
def test_nothing_from_a_file_is_ever_executed(path: Path) -> None:
    for call in calls_of(path, "torch.load"):
        safe = [k.value for k in call.keywords if k.arg == "weights_only"]
        assert [ast.unparse(value) for value in safe] == ["True"]
    for name in ("eval", "exec", "pickle.load", "pickle.loads", "os.system"):
        assert calls_of(path, name) == []


PRINTING = (
    "core/__main__.py",
    "core/command_line.py",
    "core/commands/common.py",
    "core/commands/flags/common.py",
)


@each_file([path for path in CORE if name_of(path) not in PRINTING])
def test_only_the_command_line_prints(path: Path) -> None:
    assert calls_of(path, "print") == []


@each_file([path for path in CORE if path.name not in ("files.py", "library.py")])
def test_files_are_written_in_one_place(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in ("write_text", "write_bytes"), node.lineno


MOST_LINES, MOST_PARAMETERS = 60, 7


@each_file([*CORE, *LAB, *sorted((ROOT / "data").glob("*.py"))])
def test_functions_can_be_taken_in_at_a_glance(path: Path) -> None:
    """Lines from `def` to the end, docstring included; parameters but for `self` and `cls`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, Function):
            n_lines = (node.end_lineno or node.lineno) - node.lineno + 1
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            n_parameters = sum(a is not None and a.arg not in ("self", "cls") for a in every)
            assert n_lines <= MOST_LINES, f"{node.name} has {n_lines} lines"
            assert n_parameters <= MOST_PARAMETERS, f"{node.name} has {n_parameters} parameters"


@each_file([*CORE, *LAB])
def test_texts_are_read_and_written_as_utf_8_on_every_system(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if is_call and node.func.attr in ("read_text", "write_text"):
            named = [ast.unparse(v) for v in (*node.args, *(k.value for k in node.keywords))]
            assert any("utf-8" in value for value in named), node.lineno


# --- colours --------------------------------------------------------------------------------------


NAMES = "|".join(ColorValidator.named_colors)
COLORS = {
    "in digits": r"(?<!&)#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\b",
    "as a function": r"\b(?:rgb|hsl|hwb|oklab|oklch)a?\(",
    "by name": rf"^(?:{NAMES})$",
    "by name, in CSS, SVG or a script": r"(?:color|background|border|fill|outline|shadow|stroke)"
    rf"""[-\w]*["']?\s*[:=]\s*["']?[^;,"'\n}}]*(?<![-\w])(?:{NAMES})(?![-\w])""",
    "by name, in Markdown": r":(?:red|orange|yellow|green|blue|violet|rainbow)[-\w]*\[",
}
"""How a colour can be written down. What the theme owns is none: `var(--st-…)`, `:gray[…]`."""
SCRIPTS = sorted(p for p in (ROOT / "lab").rglob("*.*s") if p.suffix in (".js", ".css"))


def colors_in(text: str) -> list[str]:
    return [how for how, pattern in COLORS.items() if re.search(pattern, text, re.IGNORECASE)]


@each_file([*LAB, *SCRIPTS])
def test_colors_stand_in_the_palette(path: Path) -> None:
    found = colors_in(path.read_text("utf-8")) if path in SCRIPTS else []
    for text in texts_of(path) if path in LAB else ():
        found += [f"{how}: {text}" for how in colors_in(text)]
    assert bool(found) == (path == ROOT / "lab" / "figures" / "palette.py"), found


@pytest.mark.parametrize(
    ("text", "is_colored"),
    [
        ("#FCFCFA", True),
        ("color: #fff;", True),
        ("rgba(0, 0, 0, 0.5)", True),
        ("white", True),
        ("border: 1px solid red;", True),
        ('legend: { bgcolor: "white" }', True),
        ('<rect fill="black"/>', True),
        ("the :orange[bigram]", True),
        ("color: var(--st-text-color); background: none; fill: currentColor", False),
        ("border: 1px solid transparent", False),
        ("&#123;", False),
        (":gray[nats]", False),
        ("white space before a word", False),
    ],
)
def test_a_color_is_known_when_seen(text: str, is_colored: bool) -> None:
    assert bool(colors_in(text)) == is_colored


# --- what others wrote ----------------------------------------------------------------------------


AS_TEXT = {"plain", "plain_but_code", "quoted", "as_text", "escape", "unmarked"}
"""What makes text of what somebody wrote, where Markdown or HTML would be read."""
OF_OTHERS = {"name", "corpus", "message", "prompt", "sample", "query"}
"""Attributes that hold what somebody wrote, in this lab or in a file that came into it."""
OUR_NAMES = {"line.name", "sweep.x.name", "sweep.y.name", "slider.name", "step.name", "axis.name"}
"""Those that are words of the lab: of counted lines and of settings."""
READ_AS_MARKDOWN = set(
    "badge button caption checkbox dialog download_button error expander header info link_button "
    "markdown metric page_link pills popover radio segmented_control spinner status subheader "
    "success tabs table title toast toggle warning write explained".split()
)


def as_it_came(node: ast.AST) -> Iterator[str]:
    """What stands in an expression of what others wrote, or of an error, and is not made text."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).split(".")[-1]
        if called in AS_TEXT:
            return
        if called == "str" and ast.unparse(node.args[0]) in ("error", "refusal", "trouble"):
            yield ast.unparse(node)
        if called not in ("format", "join") and not isinstance(node.func, ast.Attribute):
            return  # a function of ours, which is looked at where it stands
    if isinstance(node, ast.Attribute) and node.attr in OF_OTHERS:
        if ast.unparse(node) not in OUR_NAMES:
            yield ast.unparse(node)
        return
    if isinstance(node, ast.Compare | ast.Subscript):
        return
    if isinstance(node, ast.IfExp):
        yield from as_it_came(node.body)
        yield from as_it_came(node.orelse)
        return
    for child in ast.iter_child_nodes(node):
        yield from as_it_came(child)


@each_file(LAB)
def test_what_others_wrote_is_no_markup(path: Path) -> None:
    """Names, messages and errors may hold anything: they reach the screen as text, or not at all.

    What is built elsewhere and then drawn, `tests/browser/test_walk.py` sees.
    """
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in READ_AS_MARKDOWN:
            given = [*node.args[:1], *(k.value for k in node.keywords if k.arg in ("help", "body"))]
            found = [written for part in given for written in as_it_came(part)]
            assert found == [], f"line {node.lineno}: {found}"


OUR_FIGURES_NAMES = ("vector.", "part.", "stage.", "each.")
"""Of parts, heads and steps of a calculation: words of the lab."""


@each_file(FIGURES)
def test_names_in_a_figure_are_no_markup(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        called = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and called.startswith(("add_", "Scatter", "update_")):
            words = [k for k in node.keywords if k.arg in ("name", "text", "hovertext", "ticktext")]
            found = [written for word in words for written in as_it_came(word.value)]
            found = [w for w in found if not w.startswith(OUR_FIGURES_NAMES)]
            assert found == [], f"line {node.lineno}: {found}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("st.error(str(error))", ["str(error)"]),
        ('st.caption(f"Run {run.name} has ended.")', ["run.name"]),
        ('st.caption(f"Run {plain(run.name)} has ended.")', []),
        ('st.write(run.message if run.message else "none")', ["run.message"]),
        ('st.toast("a" if run.name == "b" else "c")', []),
    ],
)
def test_what_others_wrote_is_known_when_seen(source: str, found: list[str]) -> None:
    call = ast.parse(source).body[0].value  # type: ignore[attr-defined]
    assert list(as_it_came(call.args[0])) == found


# --- the state of a session -----------------------------------------------------------------------


SESSION = ROOT / "lab" / "session"


@each_file([path for path in LAB if path != SESSION / "entry.py"])
def test_only_an_entry_touches_the_state_of_a_session(path: Path) -> None:
    assert "session_state" not in path.read_text("utf-8")


def key_pattern(node: ast.expr) -> str | None:
    """What a key that is spelled out matches; None for one that comes from elsewhere."""
    if isinstance(node, ast.JoinedStr):
        return "".join(key_pattern(part) or ".+" for part in node.values)
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return re.escape(node.value) if is_text else None


def entry_keys(path: Path) -> set[str]:
    """The keys of the entries that are made in a file, as patterns."""
    spelled = [key_pattern(call.args[0]) for call in calls_of(path, "Entry")]
    return {pattern for pattern in spelled if pattern}


def widget_keys(path: Path) -> set[str]:
    """The keys that are given to widgets, charts and containers in a file."""
    calls = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    given = [key_pattern(k.value) for call in calls for k in call.keywords if k.arg == "key"]
    return {pattern for pattern in given if pattern}


@functools.cache
def texts_of(path: Path) -> set[str]:
    nodes = ast.walk(parsed(path))
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


@each_file(LAB)
def test_no_other_file_spells_the_key_of_an_entry(path: Path) -> None:
    for other in LAB:
        for pattern in entry_keys(path) if other != path else ():
            assert not any(re.fullmatch(pattern, text) for text in texts_of(other)), name_of(other)


def test_no_two_files_give_widgets_the_same_key() -> None:
    given = [key for path in LAB for key in widget_keys(path) | entry_keys(path)]
    assert len(given) > 100
    assert {key for key in given if given.count(key) > 1} == set()


@each_file([path for path in LAB if SESSION not in path.parents])
def test_an_entry_of_a_page_is_its_own(path: Path) -> None:
    module = parsed(path)
    for node in module.body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if value and any(ast.unparse(n) == "Entry" for n in ast.walk(value)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            assert names and all(name.startswith("_") for name in names), names
    imports = [node for node in ast.walk(module) if isinstance(node, ast.ImportFrom)]
    assert not [a.name for i in imports for a in i.names if a.name.startswith("_")]


# --- docstrings -----------------------------------------------------------------------------------


COMMANDS = set(commands.__all__) - {"Command", "Fields", "Failed", "Interrupted"}


def undocumented(path: Path) -> list[str]:
    """Public things without a docstring.

    Exempt are one-line functions, whose code says it; methods that a base has and explains;
    properties; and commands, which the parser explains.
    """
    module, missing = parsed(path), []
    if module.body and not ast.get_docstring(module):
        missing.append("the module")
    for node in module.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                missing.append(node.name)
            functions = [n for n in node.body if isinstance(n, Function)]
            own = [f for f in functions if f.name not in explained_by_bases(node)]
            missing += [f"{node.name}.{f.name}" for f in own if needs_words(f)]
        elif isinstance(node, Function) and node.name not in COMMANDS and needs_words(node):
            missing.append(node.name)
    return missing


METHODS = {
    node.name: {f.name for f in node.body if isinstance(f, Function)}
    for path in CORE
    for node in parsed(path).body
    if isinstance(node, ast.ClassDef)
} | {"nn.Module": {"forward"}}
"""The methods of every class of the core, and of the one of torch's that it builds on."""


def explained_by_bases(node: ast.ClassDef) -> set[str]:
    return {name for base in node.bases for name in METHODS.get(ast.unparse(base), set())}


def needs_words(function: Function) -> bool:
    is_property = "property" in {ast.unparse(d) for d in function.decorator_list}
    is_public = not function.name.startswith("_")
    return is_public and not is_property and len(function.body) > 1 and not (
        ast.get_docstring(function)
    )  # fmt: skip


@each_file(CORE)
def test_what_is_public_is_explained(path: Path) -> None:
    assert undocumented(path) == []


def test_the_tree_of_errors_is_whole() -> None:
    classes = [n for p in CORE for n in parsed(p).body if isinstance(n, ast.ClassDef)]
    errors = {c.name for c in classes if "LabError" in {ast.unparse(base) for base in c.bases}}
    tree = ast.get_docstring(parsed(ROOT / "core" / "errors.py")) or ""
    assert {line.split()[1] for line in tree.splitlines() if "── " in line} == errors


def parsers_below(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for below in action.choices.values():
                yield below
                yield from parsers_below(below)


def test_every_command_is_explained_by_the_parser() -> None:
    explained = {
        command.__name__: parser.description
        for parser in parsers_below(command_line())
        if (command := parser.get_default("command"))
    }
    assert explained.keys() == COMMANDS
    assert all(explained.values())
