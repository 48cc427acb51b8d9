"""The entry of the lab: `streamlit run lab/Home.py`. Sets the scene and shows the chosen page."""

from __future__ import annotations

import gc
import logging
import sys
from pathlib import Path

# Streamlit puts lab/ on the path; the packages `core` and `lab` lie one folder higher.
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

import streamlit as st  # noqa: E402

from core.errors import LabError  # noqa: E402
from lab.components.live_plot import mount_plotly  # noqa: E402
from lab.session.entry import is_to_be_drawn_again  # noqa: E402
from lab.session.state import the_lab  # noqa: E402
from lab.widgets import action_buttons  # noqa: E402
from lab.widgets.now_training import render_now_training  # noqa: E402
from lab.wording.plain import plain_but_code  # noqa: E402

PAGES = {
    "home": ("Home", ":material/home:"),
    "train": ("Train", ":material/model_training:"),
    "attention": ("Attention", ":material/grid_on:"),
    "bigram": ("Bigram", ":material/table_chart:"),
    "generate": ("Generate", ":material/edit_note:"),
    "compare": ("Compare", ":material/compare_arrows:"),
    "corpus": ("Corpus", ":material/menu_book:"),
}
CSS = """
button[data-variant=segmented_control][data-selected=true] { color: inherit !important; }
[data-testid=stTooltipContent] { max-height: min(80vh, 40rem); }
"""
"""What was just chosen stays readable while the pointer is on it, in the dark too; and a list of
words behind a question mark is whole, where Streamlit would cut it off and let one scroll."""


@st.cache_resource(show_spinner=False)
def _once_per_process() -> None:
    """Send errors to the lab's log, and take what is imported out of the garbage collector's way.

    Streamlit's own collection after every run is switched off in the settings, because it would
    hold up training; what never becomes garbage need not be looked at again.
    """
    handler = logging.FileHandler(the_lab().home.log, delay=True, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    gc.collect()
    gc.freeze()


def main() -> None:
    st.set_page_config(page_title="Three models learn Shakespeare", page_icon="🎭", layout="wide")
    try:
        _once_per_process()
    except LabError as error:
        st.error(plain_but_code(str(error)))
        st.stop()
    folder = Path(__file__).parent / "app_pages"
    pages = [
        st.Page(folder / f"{name}.py", title=title, icon=icon, default=name == "home")
        for name, (title, icon) in PAGES.items()
    ]
    page = st.navigation(pages, position="top")
    st.html(f"<style>{CSS}{action_buttons.CSS}</style>")
    mount_plotly()
    render_now_training()
    try:
        page.run()
    except LabError as error:  # what the user can put right is said, wherever on a page it arose
        st.error(plain_but_code(str(error)))
    if is_to_be_drawn_again():
        st.rerun()


main()
