"""What stands around every page: the script that Streamlit runs for each session, at each rerun.

Sets the scene and shows the chosen page. It is seen before anything that takes seconds to import is
there: so it imports such things only in `_render`.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from lab.components import skeleton
from lab.components.window import equip_window
from lab.figures.palette import LIGHT
from lab.preloading import is_preloading, wait_until_preloaded

PAGES = {
    "home": ("Home", ":material/home:"),
    "train": ("Train", ":material/model_training:"),
    "ladder": ("Ladder", ":material/stairs:"),
    "model": ("Model", ":material/account_tree:"),
    "attention": ("Attention", ":material/grid_on:"),
    "bigram": ("Bigram", ":material/table_chart:"),
    "generate": ("Generate", ":material/edit_note:"),
    "compare": ("Compare", ":material/compare_arrows:"),
    "challenges": ("Challenges", ":material/flag:"),
    "corpus": ("Corpus", ":material/menu_book:"),
    "glossary": ("Glossary", ":material/dictionary:"),
}
CSS = """
button[data-variant=segmented_control][data-selected=true],
button[kind=tertiary]:is(:hover, :active, [aria-expanded=true]) { color: inherit !important; }
[data-testid=stTooltipContent] { max-height: min(80vh, 40rem); }
[data-testid=stToastContainer] { inset: auto 0 1rem auto; }
"""
"""What was just chosen or opened stays readable while the pointer is on it, in the dark too; a list
of words behind a question mark is whole, where Streamlit would cut it off and let one scroll; and
what is said in passing stands below, where it covers no button."""
ICON = "data:image/svg+xml," + quote(
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' stroke-width='3' fill='none'>"
    f"<path d='M1 3h5' stroke='{LIGHT.model('bigram')}'/>"
    f"<path d='M1 8h9' stroke='{LIGHT.model('attention')}'/>"
    f"<path d='M1 13h14' stroke='{LIGHT.model('transformer')}'/></svg>"
)
"""Three models and how far each gets. Not an emoji: Streamlit would look for it among all."""


def main() -> None:
    st.set_page_config(page_title="Three models learn Shakespeare", page_icon=ICON, layout="wide")
    folder = Path(__file__).parent / "app_pages"
    pages = [
        st.Page(folder / f"{name}.py", title=title, icon=icon, default=name == "home")
        for name, (title, icon) in PAGES.items()
    ]
    page = st.navigation(pages, position="top")
    if term := equip_window():
        st.switch_page("app_pages/glossary.py", query_params={"term": term})
    _wait_until_preloaded()
    _render(page)


def _wait_until_preloaded() -> None:
    """In the first seconds of a server, keep the page's place."""
    place = st.empty()  # in later runs too, so that all that follows keeps its own place
    if is_preloading():
        place.html(skeleton.PAGE)
        wait_until_preloaded()
        place.empty()


def _render(page: StreamlitPage) -> None:
    from lab.session.address import arrive_at
    from lab.session.entry import is_to_be_drawn_again
    from lab.session.state import begin_process, notes_of_the_lab
    from lab.widgets import action_buttons
    from lab.widgets.errors import errors_said
    from lab.widgets.now_training import render_now_training
    from lab.wording.plain import plain_but_code

    with errors_said():
        begin_process()
        st.html(f"<style>{CSS}{action_buttons.CSS}</style>")
        render_now_training()
        arrive_at(page.url_path)
        page.run()
    if is_to_be_drawn_again():
        st.rerun()
    for note in notes_of_the_lab():  # last, since what is drawn again would lose them
        st.toast(plain_but_code(note), duration="infinite")


main()
