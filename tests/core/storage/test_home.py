"""Where a lab may live."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import LabError
from core.runs.lab import Lab
from core.storage import home as home_module
from core.storage.files import write_atomically
from core.storage.home import PROJECT_DATA, LabHome
from tests.helpers import ROOT


def test_a_lab_home_is_made_where_it_is_wanted(tmp_path: Path) -> None:
    home = LabHome.open(tmp_path / "a" / "b")
    assert home.corpora.is_dir() and home.runs.is_dir()
    assert home.run_folder("r1") == home.runs / "r1" and not home.run_folder("r1").exists()
    assert {home.database.parent, home.log.parent} == {home.path}


def test_the_environment_says_where_the_lab_home_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "by-environment"))
    assert LabHome.open().path == tmp_path / "by-environment"
    assert LabHome.open(tmp_path / "by-hand").path == tmp_path / "by-hand"


def test_without_a_word_the_lab_lives_in_the_projects_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LAB_HOME")
    monkeypatch.chdir(tmp_path)
    assert ROOT / "data" == PROJECT_DATA
    monkeypatch.setattr(home_module, "PROJECT_DATA", tmp_path / "data")
    assert LabHome.open().path == tmp_path / "data"


def test_a_file_is_no_lab_home(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("not a folder")
    with pytest.raises(LabError, match=r"cannot be used .* Set LAB_HOME"):
        Lab(path)
    assert path.read_text() == "not a folder"


@pytest.mark.parametrize("file_system", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_drive_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_system: str
) -> None:
    monkeypatch.setattr(home_module, "_file_system_of", lambda path: file_system)
    with pytest.raises(LabError, match=rf"network drive \({file_system}\)"):
        Lab(tmp_path / "lab")
    assert not (tmp_path / "lab").exists()


def test_an_atomic_write_makes_its_folder_and_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, b"first and longer")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]
