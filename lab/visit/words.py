"""What the visit says: why a task is worth doing, and what came of it. Pure; Markdown."""

from __future__ import annotations

from core.findings.meaning import apart_in, choices, unsure_among
from core.interpretability.habits import HeadHabits
from lab.attention_page.head_words import habit_sentence
from lab.figures.map_axes import percent
from lab.visit.tasks import N_STEPS, TaskName
from lab.wording.plain import plain, quoted
from lab.wording.words import count, loss

BUTTONS: dict[TaskName, tuple[str, str]] = {
    "train_bigram": ("Train the bigram table", "play_arrow"),
    "read_matrix": ("Read its matrix", "table_chart"),
    "see_limit": ("See where it stops", "vertical_align_bottom"),
    "train_attention": ("Add attention", "play_arrow"),
    "see_head": ("See a head look back", "grid_on"),
    "train_transformer": ("Add the rest", "play_arrow"),
    "write": ("Let it write", "edit_note"),
}
"""What each task is called on its button, and the button's icon."""
INVITATIONS: dict[TaskName, str] = {
    "train_bigram": "The smallest model sees **one character** and learns what tends to follow it.",
    "read_matrix": "The bigram table is trained. All that it has learned is **one matrix**.",
    "see_limit": "How good can a table become that sees one character? That can be **counted**.",
    "train_attention": "What a table lacks is **context**. Attention lets a guess take from all "
    "characters before it.",
    "see_head": "Self-attention is trained. See **whom its characters look at**.",
    "train_transformer": "What attention lacks is **depth**: more layers, and in each an MLP that "
    "works on what was gathered.",
    "write": "The transformer is trained. Let it **write**.",
}
"""Said on pages that do not show what came of the task before."""


def standing_text(n_done: int) -> str:
    """How far the visit has come."""
    if not n_done:
        return f"Guided visit: {N_STEPS} steps from a table of odds to a text by a transformer"
    if n_done == N_STEPS:
        return f"Guided visit: all {N_STEPS} steps done"
    return f"Guided visit: {n_done} of {N_STEPS} steps done"


def marks(n_done: int) -> str:
    """The same as signs, for the eye: Streamlit's icons."""
    return ":material/check_circle:" * n_done + ":material/circle:" * (N_STEPS - n_done)


def cost_text(n_params: int, expected: str) -> str:
    """How large a model is, and how long one waits for it where that is known."""
    return f"{count(n_params)} parameters{', ' * bool(expected)}{expected}."


def table_text(name: str, loss_nats: float, n_characters: int) -> str:
    """What the trained bigram table is worth."""
    return (
        f"{plain(name)} is trained: a loss of **{loss(loss_nats)}** nats per character. It is "
        f"{unsure_among(loss_nats)} instead of {count(n_characters)}."
    )


def row_text(name: str, character: str, follower: str, learned: float, in_text: float) -> str:
    """What one row of a run's matrix says, beside the text."""
    return (
        f"One row for each character. In that of {quoted(character)} {plain(name)} expects "
        f"{quoted(follower)} with **{percent(learned)}**; in the text it is {percent(in_text)}, "
        "less with one added to each count."
    )


def limit_text(loss_nats: float, pairs_nats: float, fives_nats: float) -> str:
    """How far a table is from what one character of context can tell, and what more would."""
    return (
        f"From one character of context, counting reaches **{loss(pairs_nats)}** nats; the table "
        f"stands at **{loss(loss_nats)}**. From four, counting reaches {loss(fives_nats)}: what is "
        "missing is context."
    )


def gain_text(name: str, what: str, loss_nats: float, before: str, before_nats: float) -> str:
    """What a model is worth, and how it stands to the one before it.

    Args:
        what: in what it differs from the one before.
        before: the one before, as it stands after "than".
    """
    by_nats = before_nats - loss_nats
    by = f"{apart_in(before_nats, loss_nats)} {'better' if by_nats >= 0 else 'worse'}"
    return (
        f"{plain(name)}, {what}: **{loss(loss_nats)}** nats, {by} than {before}. "
        f"As unsure as among {choices(loss_nats)} characters instead of "
        f"{choices(before_nats)}."
    )


def head_text(name: str, head: HeadHabits) -> str:
    """Where a head of a run looks."""
    which = f"Head {head.layer}.{head.head} of {plain(name)}"
    return f"Each row of the map looks back. {which}: {habit_sentence(head)}"


def written_text(name: str, loss_nats: float) -> str:
    """The end of the visit."""
    return (
        f"{plain(name)} has written, {unsure_among(loss_nats)} at each. From here every page is "
        "yours: **Ladder** takes the models apart idea by idea, **Train** lets you change them."
    )
