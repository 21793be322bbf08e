"""Numba's cache, with files that something has damaged."""

import os
import pickle
import subprocess
import sys

import pytest

MODULE = """
import sys
from ctypes import CFUNCTYPE, c_double
from numba import float64
from m4graph.core.kernel_cache import cached_njit

@cached_njit()
def double(x):
    return 2 * x

@cached_njit()
def half(x):
    return x / 2

def times(factor):
    @cached_njit()
    def product(x):
        return factor * x

    return product

def products(factors):
    kernels = [times(factor) for factor in factors]
    for kernel in kernels:
        kernel.compile((float64,))
    for kernel in kernels:
        code = kernel.overloads[float64,]
        address = code.library.get_pointer_to_function(code.fndesc.llvm_cfunc_wrapper_name)
        yield CFUNCTYPE(c_double, c_double)(address)(1.0)

if __name__ == "__main__" and sys.argv[1:]:
    print(*products(map(float, sys.argv[1:])))
elif __name__ == "__main__":
    print(double(21), half(3.0), sum(double.stats.cache_hits.values()))
"""


def _run(folder, *arguments, **variables):
    file = folder / "module_of_kernels.py"
    if not file.exists():  # A process may be reading it.
        file.write_text(MODULE)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache"), **variables}
    return subprocess.Popen(
        [sys.executable, file.name, *arguments],
        cwd=folder,
        env={name: value for name, value in environment.items() if value},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _said(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernels")
    assert _said(_run(folder)) == ("42 1.5 0\n", "")
    assert _said(_run(folder)) == ("42 1.5 1\n", "")
    return folder


def _damage(folder, ending, damaged):
    files = list(folder.glob(f"cache/**/*double*.{ending}"))
    assert files
    for file in files:
        file.write_bytes(damaged(file.read_bytes()))


DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "a flipped bit": lambda content: content[:-200] + bytes([content[-200] ^ 1]) + content[-199:],
    "a module that has moved": lambda content: pickle.dumps(_Gone()),
}


class _Gone:
    def __reduce__(self):
        return _named("gone_module"), ()


def _named(module):
    def gone():
        """Stands in a module that cannot be imported."""

    gone.__module__, gone.__qualname__ = module, "gone"
    sys.modules[module] = type(sys)(module)
    sys.modules[module].gone = gone
    return gone


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_made_anew(folder, ending, damage):
    _damage(folder, ending, DAMAGES[damage])
    assert _said(_run(folder)) == ("42 1.5 0\n", "")
    assert _said(_run(folder)) == ("42 1.5 1\n", "")


def test_code_of_another_signature_is_not_taken(folder):
    (other,) = folder.glob("cache/**/*half*.nbc")
    _damage(folder, "nbc", lambda content: other.read_bytes())
    assert _said(_run(folder)) == ("42 1.5 0\n", "")


def test_four_cold_processes_at_once(tmp_path):
    processes = [_run(tmp_path) for _ in range(4)]
    assert {_said(process) for process in processes} <= {("42 1.5 0\n", ""), ("42 1.5 1\n", "")}
    assert _said(_run(tmp_path)) == ("42 1.5 1\n", "")


def test_code_from_the_disk_and_code_of_this_process_keep_apart(tmp_path):
    """What a closure makes has the same name but for numba's count."""
    assert _said(_run(tmp_path, "2")) == ("2.0\n", "")
    assert _said(_run(tmp_path, "3", "2")) == ("3.0 2.0\n", "")
    assert _said(_run(tmp_path, "2", "3", "5")) == ("2.0 3.0 5.0\n", "")


def test_a_full_disk_is_told_in_one_line(tmp_path):
    limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (0, 0))"
    (tmp_path / "sitecustomize.py").write_text(f"import signal; signal.signal(25, 1)\n{limit}\n")
    path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    out, err = _said(_run(tmp_path, PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1"))
    assert out == "42 1.5 0\n"
    assert err.count("\n") == 1
    assert "File too large" in err
    assert "NUMBA_CACHE_DIR" in err


def test_where_nothing_can_be_written_it_runs(tmp_path):
    only = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    out, err = _said(_run(tmp_path, NUMBA_CACHE_DIR="/dev/null/nowhere", **only))
    assert (out, err.count("\n")) == ("42 1.5 0\n", 1)
    assert "NUMBA_CACHE_DIR" in err
