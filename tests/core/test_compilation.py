import pytest

from m4graph.core import compilation
from m4graph.core.compilation import kernel_digest, source_digest

FILES = {
    "__init__": "",
    "kernels": "from digested.layout import SIZE\nfrom digested import maths\n@njit\ndef f(): ...",
    "layout": "from digested.units import BITS\nSIZE = 8 * BITS",
    "maths": "def g():\n    from digested.deep import (\n        help,\n    )\n@njit\ndef h(): ...",
    "deep": "help = 1",
    "units": "BITS = 1",
    "apart": "import digested.kernels",
}


@pytest.fixture
def digested(tmp_path, monkeypatch):
    """A package of the given files; gives a function that changes one."""
    package = tmp_path / "digested"
    package.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name, text):
        for cached in (kernel_digest, source_digest, compilation._file_of):
            cached.cache_clear()
        (package / f"{name}.py").write_text(text)

    for name, text in FILES.items():
        write(name, text)
    return write


@pytest.mark.parametrize("digest", [kernel_digest, source_digest])
@pytest.mark.parametrize("name", ["kernels", "layout", "maths", "deep"])
def test_changes_with_what_is_imported(digested, digest, name):
    before = digest("digested.kernels")
    digested(name, FILES[name] + "\n# changed")
    assert digest("digested.kernels") != before


@pytest.mark.parametrize("decorator", ["njit(cache=True)", "kernel", "cached_kernel"])
def test_any_decorator_makes_a_kernel(digested, decorator):
    digested("kernels", FILES["kernels"].replace("njit", decorator))
    before = kernel_digest("digested.kernels")
    digested("layout", "SIZE = 16")
    assert kernel_digest("digested.kernels") != before


@pytest.mark.parametrize(("name", "changes"), [("units", True), ("apart", False)])
def test_results_depend_on_all_that_is_imported_and_nothing_else(digested, name, changes):
    before = source_digest("digested.kernels")
    digested(name, "CHANGED = True")
    assert (source_digest("digested.kernels") != before) is changes


def test_kernels_depend_on_constants_but_not_on_what_those_import(digested):
    before = kernel_digest("digested.kernels")
    digested("units", "BITS = 2")
    assert kernel_digest("digested.kernels") == before


def test_a_package_is_all_of_its_files(digested):
    before = source_digest("digested")
    digested("apart", "")
    assert source_digest("digested") != before


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ("m4graph.simulators.fluid.events", "estimate/maxmin/filling.py"),
        ("m4graph.simulators.packet.engine", "simulators/packet/buffers.py"),
        ("m4graph.learned.compiled.loop", "estimate/maxmin/filling.py"),
        ("m4graph.estimate.maxmin.volumes", "scenario/ideal.py"),
    ],
)
def test_kernels_of_ours_see_what_they_call(entry, part):
    followed = compilation._followed(
        (entry,), lambda source: compilation._HOLDS_KERNELS.search(source) is not None
    )
    assert any(path.as_posix().endswith(part) for path in followed)
