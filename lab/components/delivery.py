"""Everything that a page has drawn reaches the browser, also when a fragment ticks right after it.

When a fragment runs, Streamlit 1.67 throws away what the run before it drew there and could not
send yet, since the fragment will draw it anew. But that run's last word, "what I have not drawn
goes", is sent all the same: the fragment's elements leave the page and come back a moment later
as new ones, without the reader's zoom. A busy machine or a page that has just been drawn whole
makes it likely.
"""

from __future__ import annotations

from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

_clear = ForwardMsgQueue.clear


def keep_what_is_unsent() -> None:
    """From now on no fragment's run takes unsent elements of an earlier run out of the queue."""
    ForwardMsgQueue.clear = _clear_unless_a_fragment_runs  # type: ignore[method-assign]


def _clear_unless_a_fragment_runs(
    queue: ForwardMsgQueue,
    retain_lifecycle_msgs: bool = False,
    fragment_ids_this_run: list[str] | None = None,
) -> None:
    if fragment_ids_this_run is None:
        _clear(queue, retain_lifecycle_msgs)
    else:
        queue._delta_index_map = {}  # or new elements would go out before the older run's last word
