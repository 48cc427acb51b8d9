"""A fragment that ticks runs on the page where the session is, and leaves the reader there.

With every request a browser says which page it shows. A tick that leaves it just before it hears of
a change of page (`st.switch_page`) names the page that the reader has left, and Streamlit 1.67
believes it. Where the change is still waiting, the tick's page replaces it, and the press on the
button is lost. Where it has been made, the tick runs in the name of the old page: the browser takes
that for another change of page, clears the new one, and nobody draws it again. A busy machine makes
both likely.
"""

from __future__ import annotations

from dataclasses import replace

from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import (
    ScriptRequest,
    ScriptRequests,
    ScriptRequestType,
)

_fold = ScriptRequests._request_rerun_locked
_next = ScriptRequests.on_scriptrunner_ready


def keep_ticks_on_the_page() -> None:
    """From now on no tick of a fragment says to which page the session goes."""
    ScriptRequests._request_rerun_locked = _fold_on_the_page  # type: ignore[assignment, method-assign]
    ScriptRequests.on_scriptrunner_ready = _next_on_the_page  # type: ignore[assignment, method-assign]


def _fold_on_the_page(requests: ScriptRequests, new: RerunData) -> bool:
    """Put a request to the one that waits; of a tick, without its page."""
    waiting = requests._rerun_data
    if requests._state is ScriptRequestType.RERUN and new.is_auto_rerun:
        new = replace(
            new, page_script_hash=waiting.page_script_hash, page_name=waiting.page_name,
            query_string=waiting.query_string,
        )  # fmt: skip
    return _fold(requests, new)


def _next_on_the_page(requests: ScriptRequests) -> ScriptRequest:
    """The request whose turn it is; one for fragments is run on the page of the session."""
    request, context = _next(requests), get_script_run_ctx()
    if request.type is not ScriptRequestType.RERUN or context is None:
        return request
    data = request.rerun_data
    if not data.fragment_id_queue or data.page_script_hash == context.page_script_hash:
        return request
    here = replace(
        data, page_script_hash=context.page_script_hash, query_string=context.query_string
    )
    return ScriptRequest(ScriptRequestType.RERUN, here)
