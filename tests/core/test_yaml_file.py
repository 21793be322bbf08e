from __future__ import annotations

import math

import pytest

from m4graph.core.errors import InputError
from m4graph.core.schema import KeyProblem
from m4graph.core.yaml_file import Override, apply_overrides, locate, read_yaml, write_yaml


def read(tmp_path, text):
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("1e9", 1e9),
        ("1.5E-3", 1.5e-3),
        (".5", 0.5),
        ("1_000", 1000),
        ("0x10", 16),
        ("010", "010"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("null", None),
        ("~", None),
        ("", None),
        ("-3", -3),
        ("+.inf", math.inf),
        ("'-'", "-"),
        ("b5_l50", "b5_l50"),
    ],
)
def test_scalars(tmp_path, text, value):
    assert read(tmp_path, f"a: {text}") == {"a": value}


@pytest.mark.parametrize(
    "value",
    ["yes", "no", "1e5", "010", "null", "", "1:30", "2020-01-01", "ü: x", "a\nb", "true", "<<",
     1, 0.0625, 1e-5, 1e300, None, True, [1, 2], {"c": {"d": 1.0}}],
)  # fmt: skip
def test_what_is_written_is_read_back(tmp_path, value):
    path = tmp_path / "x.yaml"
    write_yaml(path, {"a": value, "b": value})
    back = read_yaml(path)
    assert back == {"a": value, "b": value}
    assert type(back["a"]) is type(value)


def test_merge_keys_work(tmp_path):
    assert read(tmp_path, "a: &x {k: 1}\nb: {<<: *x, m: 2}")["b"] == {"k": 1, "m": 2}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: expected YAML (got the key 'a' twice)"),
        ("a: {b: 1, b: 2}", "line 1: expected YAML (got the key 'b' twice)"),
        ("1: a", "line 1: expected YAML (got a key that is not text, 1)"),
        ("a: [1", "line 1: expected YAML"),
        ("a: 1\n\tb: 2", "line 2: expected YAML"),
        ("a: !!python/object:os.system x", "line 1: expected YAML (got could not determine"),
        ("", "expected a block of keys (got an empty file)"),
        ("# nothing", "expected a block of keys (got an empty file)"),
        ("[1, 2]", "expected a block of keys (got [1, 2])"),
        ("just text", "expected a block of keys (got 'just text')"),
        ("a: \x00", "expected YAML"),
        ("a: " + "9" * 5000, "expected YAML"),
        ("a: " + "[" * 3000, "expected YAML"),
        ("a: 1\n---\nb: 2", "expected YAML"),
        ("a: 0x" + "f" * 5000, "line 1: expected YAML (got an integer of 20000 bits)"),
        ("a: &x [1, *x]", "line 1: expected YAML (got an alias inside of what it names)"),
    ],
)
def test_errors_name_the_file_and_line(tmp_path, text, part):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "x.yaml"))
    assert part in message
    assert "\n" not in message


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="Is a directory"):
        read_yaml(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\xfe\xfa")
    with pytest.raises(InputError, match="UTF-8"):
        read_yaml(tmp_path / "latin.yaml")


def test_overrides_set_values_and_leave_the_original_alone():
    data = {"network": {"pfc": True, "ecn": {"pmax": 1.0}}, "seed": 0}
    overrides = [
        Override.parse("network.pfc=false"),
        Override.parse("network.ecn.pmax=0.5"),
        Override.parse("routing.seed=3"),
        Override.parse("congestion_control={kind: dctcp, gain: 0.5}"),
        Override.parse("name=a=b"),
    ]
    assert apply_overrides(data, overrides) == {
        "network": {"pfc": False, "ecn": {"pmax": 0.5}},
        "seed": 0,
        "routing": {"seed": 3},
        "congestion_control": {"kind": "dctcp", "gain": 0.5},
        "name": "a=b",
    }
    assert data == {"network": {"pfc": True, "ecn": {"pmax": 1.0}}, "seed": 0}


@pytest.mark.parametrize("text", ["", "a", "=1", "a..b=1", ".a=1", "a.=1", "a b=1"])
def test_bad_overrides(text):
    with pytest.raises(InputError, match="expected key=value"):
        Override.parse(text)


def test_overrides_inside_something_that_is_no_block():
    with pytest.raises(InputError, match=r"--set seed.x=1: expected seed to be a block"):
        apply_overrides({"seed": 0}, [Override("seed.x", "1")])
    with pytest.raises(InputError, match=r"--set seed=\[1"):
        apply_overrides({"seed": 0}, [Override("seed", "[1")])


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("seed", "f.yaml: "),
        ("network.pfc", "--set network.pfc=1: "),
        ("network.pfc.x", "--set network.pfc=1: "),
        ("network", "f.yaml (--set network.pfc=1): "),
        ("network.pfcs", "f.yaml: "),
    ],
)
def test_a_bad_key_is_located(key, where):
    problem = KeyProblem(key, "expected x (got y)")
    error = locate(problem, "f.yaml", [Override("network.pfc", "1")])
    assert str(error) == f"{where}{key}: expected x (got y)"


def test_aliases_have_a_budget(tmp_path):
    lines = ["x0: &x0 [x, x, x, x, x, x, x, x, x, x]"]
    names = [", ".join([f"*x{level}"] * 10) for level in range(8)]
    lines += [f"x{level + 1}: &x{level + 1} [{inner}]" for level, inner in enumerate(names)]
    assert len(read(tmp_path, "\n".join(lines[:4]))["x3"]) == 10
    with pytest.raises(InputError, match="got aliases that repeat more than 100000 values"):
        read(tmp_path, "\n".join(lines))
    merged = ["m0: &m0 {k: 1}"]
    names = [", ".join([f"*m{level}"] * 10) for level in range(8)]
    for level, inner in enumerate(names, 1):
        merged.append(f"m{level}: &m{level} {{<<: [{inner}]}}")
    with pytest.raises(InputError, match="aliases that repeat"):
        read(tmp_path, "\n".join(merged))
