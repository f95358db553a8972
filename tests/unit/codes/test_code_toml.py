"""A code.toml is read strictly: what is wrong is named with its file, its key and what to write."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from simyard.codes import code_toml
from simyard.codes.declaration import CodeError, Declaration
from simyard.protocol.jobs import Kind

GOOD = """
title = "Ring optics"
python = "madx"
requires = ["cpymad>=1.20"]

[inputs.energy]
type = "number"
unit = "GeV"
default = 3
minimum = 0.1

[inputs.lattice]
type = "file"
suffixes = [".seq"]

[models.twiss]
kind = "quick"
reports = ["beta", "phase_space"]
memory = "512 MiB"
time_limit = 30

[reports.phase_space]
title = "Phase space"
frames = true

[examples.big]
inputs = { energy = 7 }
"""


def read(text: str) -> Declaration:
    return code_toml.from_table(Path("/codes/ring"), "0123456789ab", tomllib.loads(text), "/codes/ring/code.toml")


def test_a_declaration_holds_what_the_file_says_and_the_defaults_of_the_rest() -> None:
    code = read(GOOD)
    assert (code.name, code.title, code.python, code.requires) == ("ring", "Ring optics", "madx", ("cpymad>=1.20",))
    assert (code.inputs["energy"].default, code.inputs["energy"].title) == (3.0, "Energy")
    assert isinstance(code.inputs["energy"].default, float)
    assert code.inputs["lattice"].default == ""
    twiss = code.models["twiss"]
    assert (twiss.kind, twiss.cores, twiss.memory, twiss.time_limit) == (Kind.QUICK, 1, 512 << 20, 30.0)
    assert code.reports["phase_space"].frames
    assert (code.reports["beta"].title, code.reports["beta"].frames) == ("Beta", False)
    assert code.examples["big"].inputs == {"energy": 7.0}


@pytest.mark.parametrize(
    "old, new, words",
    [
        ('title = "Ring optics"', "", "code.toml: title: is missing"),
        ('title = "Ring optics"', 'titel = "x"', "title: is missing; did you mean it by 'titel'?"),
        (
            'python = "madx"',
            'python = "madx"\npyhton = "x"',
            "pyhton: there is no such key; did you mean 'python'? Known are description,",
        ),
        ('python = "madx"', "python = 3", 'python: must be a string in quotes, not 3; write python = "3"'),
        ('python = "madx"', 'python = "../x"', "python: '../x' is not a name of an interpreter"),
        ('python = "madx"', "", "requires: needs an environment of its own"),
        (
            'requires = ["cpymad>=1.20"]',
            'requires = "cpymad"',
            "requires: must be a list of different strings, not 'cpymad'; write requires = [\"cpymad\"]",
        ),
        ("[inputs.energy]", "[inputs.Energy]", "the name 'Energy' must start with a lower-case letter"),
        ('type = "number"', 'type = "float"', "inputs.energy.type: 'float' is not a type; write one of number, integer"),
        ('type = "number"', "", "inputs.energy.type: is missing"),
        ("minimum = 0.1", "minimum = 5", "inputs.energy.default: Energy: 3 is below the smallest allowed value, 5 GeV"),
        ("minimum = 0.1", "minimum = 5\nmaximum = 4", "inputs.energy.minimum: 5 is above the maximum, 4"),
        ("minimum = 0.1", "minimum = true", "inputs.energy.minimum: must be a number, not True"),
        ("minimum = 0.1", "suffixes = ['.a']", "inputs.energy.suffixes: there is no such key for an input of type number"),
        ("default = 3", "", "inputs.energy.default: is missing"),
        ("default = 3", 'default = "3"', "inputs.energy.default: Energy must be a number, not '3'"),
        ('type = "number"', 'type = "choice"\n#', "a choice needs a list"),
        ('suffixes = [".seq"]', 'suffixes = ["seq"]', "inputs.lattice.suffixes: 'seq' must be a dot and lower-case letters"),
        ('suffixes = [".seq"]', 'default = "a.seq"', "inputs.lattice.default"),
        ('kind = "quick"', 'kind = "fast"', "models.twiss.kind: 'fast' is not a kind; write one of quick, long"),
        ('memory = "512 MiB"', 'memory = "512 MiBs"', "models.twiss.memory: is not a size"),
        ('memory = "512 MiB"', "cores = 0", "models.twiss.cores"),
        ("frames = true", "frames = 1", "reports.phase_space.frames: must be true or false, not 1; write frames = true"),
        (
            "energy = 7",
            "energie = 7",
            "examples.big.inputs.energie: there is no such input; there are energy, lattice; did you mean 'energy'?",
        ),
        ("energy = 7", "energy = 0", "examples.big.inputs.energy: Energy: 0 is below"),
        ('"beta"', '"Beta"', "models.twiss.reports: 'Beta' must start"),
        ("[models.twiss]", "[model.twiss]", "model: there is no such key; did you mean 'models'? Known are"),
    ],
)
def test_what_is_wrong_is_named_with_the_key_and_the_fix(old: str, new: str, words: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new)
    if "choice" in new:
        text = text.replace("minimum = 0.1", "").replace('unit = "GeV"', "")
    with pytest.raises(CodeError) as caught:
        read(text)
    assert words in caught.value.detail
    assert caught.value.detail.startswith("/codes/ring/code.toml")


def folder(parent: Path, name: str = "ring", text: str = GOOD) -> Path:
    made = parent / name
    made.mkdir(parents=True)
    (made / "code.toml").write_text(text)
    (made / "code.py").write_text("")
    return made


def test_a_folder_without_its_files_is_no_code(tmp_path: Path) -> None:
    with pytest.raises(CodeError, match=r"code\.toml does not exist"):
        code_toml.read(tmp_path)
    (folder(tmp_path) / "code.py").unlink()
    with pytest.raises(CodeError, match=r"code\.py does not exist"):
        code_toml.read(tmp_path / "ring")


def test_broken_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(CodeError, match=r"code\.toml, line 2: .*only one value may stand here"):
        code_toml.read(folder(tmp_path, text="[models.x]\ntitle = 3 4\n"))
    (tmp_path / "ring" / "code.toml").write_bytes(b"title = '\xff'")
    with pytest.raises(CodeError, match="utf-8"):
        code_toml.read(tmp_path / "ring")


@pytest.mark.parametrize(
    "old, new, told",
    [
        ('title = "Ring optics"', "", 'code.toml: title: is missing; write title = "…".'),
        ('python = "madx"', 'python = "../x"', "code.toml, line 3: python: "),
        ("minimum = 0.1", 'minimum = "0.1"', "code.toml, line 10: inputs.energy.minimum: "),
        ('type = "number"', "", 'code.toml, line 6: inputs.energy.type: is missing; write type = "number".'),
        ("[inputs.lattice]", "[inputs.Lattice]", "code.toml, line 12: inputs: the name 'Lattice' must"),
        ('"beta"', '"Beta"', "code.toml, line 18: models.twiss.reports: "),
        ("energy = 7", "energie = 7", "code.toml, line 27: examples.big.inputs.energie: "),
        ('suffixes = [".seq"]', "default = 3", "code.toml, line 14: inputs.lattice.default: "),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(CodeError) as caught:
        code_toml.read(folder(tmp_path, text=GOOD.replace(old, new)))
    assert told in caught.value.detail


def test_the_line_of_a_column_is_told(tmp_path: Path) -> None:
    columns = '[inputs.t]\ntype = "table"\n[[inputs.t.columns]]\nname = "a"\ntype = "number"\ndefault = 1\n'
    columns += '[[inputs.t.columns]]\nname = "b"\ntype = "numbers"\n'
    with pytest.raises(
        CodeError, match=r"code\.toml, line 10: inputs\.t\.columns\[1\]\.type: 'numbers' is not a type of a column"
    ):
        code_toml.read(folder(tmp_path, text='title = "x"\n' + columns))


def test_the_version_changes_with_any_file_and_with_nothing_else(tmp_path: Path) -> None:
    made = folder(tmp_path)
    before = code_toml.read(made).version
    assert len(before) == 12
    (made / "__pycache__").mkdir()
    (made / "__pycache__" / "code.pyc").write_bytes(b"x")
    (made / ".code.py.swp").write_text("x")
    assert code_toml.read(made).version == before
    (made / "more.py").write_text("x = 1")
    assert code_toml.read(made).version != before
    (made / "more.py").unlink()
    (made / "code.py").write_text("#")
    assert code_toml.read(made).version != before


def test_a_result_may_have_a_title_a_unit_and_digits() -> None:
    plain = read(GOOD + '\n[results.tune]\n[results.orbit]\ntitle = "Orbit"\nunit = "mm"\ndigits = 3\n').to_plain()["results"]
    assert plain == [
        {"name": "tune", "title": "Tune", "unit": "", "digits": None},
        {"name": "orbit", "title": "Orbit", "unit": "mm", "digits": 3},
    ]
    with pytest.raises(CodeError, match=r"results\.orbit\.digits: must be a whole number from 0 to 15"):
        read(GOOD + "\n[results.orbit]\ndigits = 16\n")
