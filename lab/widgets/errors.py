"""What a user can put right is said where it arose, and never as a traceback.

Around every page, and once more around a fragment that is run by itself: what is raised there does
not come to those who call the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import LabError, RegistryDamaged
from core.storage.trouble import storage_error
from lab.session.state import open_the_lab_again
from lab.wording.labels import in_labels
from lab.wording.plain import plain_but_code


@contextmanager
def errors_said() -> Iterator[None]:
    """Say errors of the lab and of the system in a sentence; a damaged registry is made anew."""
    try:
        yield
    except RegistryDamaged:
        open_the_lab_again()
        st.rerun()
    except LabError as error:
        st.error(plain_but_code(in_labels(str(error))))
    except OSError as error:  # of the system: a file that is gone, a folder that may not be read
        st.error(plain_but_code(str(storage_error(error))))
