"""Small damages to files of text and bytes, drawn at random."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

Rng = np.random.Generator

NASTY = (
    *("", "0", "-1", "1", "0.5", "-0.0", "1.0", "1e308", "-1e308", "1e400", "nan", "inf", "-inf"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616"),
    *("4294967296", "2147483648", "1e18", "1e-300", "0x10", "1_000", "٣", "null", "true", "~"),
    *("[]", "{}", "[[1]]", "{a: 1}", "*a", "&a 1", "!!python/object:os.system x", "é" * 40),
    *("a" * 5000, "\x00", "../../etc/passwd", "/dev/full", "2026-01-01", "12:30:00", "- 1", ": :"),
    *("10Gbps", "1Kbps", "1ns", "-5us", "0Gbps", "NA", "None", "<script>", "'", '"', "#", ","),
)
_NUMBER = re.compile(rb"(?<![\w.])\d{1,18}(?:\.\d+)?(?![\w.])")
_TOKEN = re.compile(rb"[^\s,:\[\]{}=<>\"/-]+")


def damaged(path: Path, rng: Rng) -> bytes:
    """A file's content with one damage, or up to three, one after the other."""
    content = path.read_bytes()
    if path.suffix == ".npz" and rng.random() < 0.9:  # Its checksums find damaged bytes.
        return _damage_arrays(content, rng)
    kinds = TEXT if _is_text(content) else BYTES
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        content = kinds[int(rng.integers(len(kinds)))](content, rng)
    return content


def _damage_arrays(content: bytes, rng: Rng) -> bytes:
    """Changes a number or the length of one array of an ``.npz`` file, or its name."""
    arrays = dict(np.load(io.BytesIO(content)))
    name = str(rng.choice(sorted(arrays)))
    array, what = arrays[name], int(rng.integers(8))
    if what == 0:
        arrays[name] = array[: int(rng.integers(len(array) + 1))] if array.ndim else array[None]
    elif what == 1:
        arrays[f"{name}_"] = arrays.pop(name)
    elif array.dtype.names is not None:
        arrays[name] = array.copy()
        field = str(rng.choice(array.dtype.names))
        arrays[name][field] = _with_wild_number(array[field], rng)
    elif array.dtype.kind == "U":
        arrays[name] = np.array(_replace_token(str(array).encode(), rng).decode(errors="replace"))
    elif what == 2:
        arrays[name] = array.astype(str(rng.choice(["f8", "i2", "u1", "U4", "c16"])))
    elif array.size:
        arrays[name] = _with_wild_number(array, rng)
    written = io.BytesIO()
    np.savez_compressed(written, **arrays)
    return written.getvalue()


def _with_wild_number(array: np.ndarray, rng: Rng) -> np.ndarray:
    flat = array.reshape(-1).copy()
    place = int(rng.integers(flat.size))
    wild = (flat[place] + 1, -1, flat.size, 2**31 - 1, -(2**31), 2**62, np.nan, 1e300)
    with np.errstate(all="ignore"):
        flat[place : place + 1] = np.array([wild[int(rng.integers(8))]]).astype(flat.dtype)
    return flat.reshape(array.shape)


def _is_text(content: bytes) -> bool:
    return b"\x00" not in content


def _flip(content: bytes, rng: Rng) -> bytes:
    if not content:
        return content
    place, bit = int(rng.integers(len(content))), int(rng.integers(8))
    changed = bytes([content[place] ^ (1 << bit)])
    return content[:place] + changed + content[place + 1 :]


def _cut(content: bytes, rng: Rng) -> bytes:
    return content[: int(rng.integers(len(content) + 1))]


def _remove(content: bytes, rng: Rng) -> bytes:
    start, stop = sorted(int(place) for place in rng.integers(len(content) + 1, size=2))
    return content[:start] + content[min(stop, start + 64) :]


def _insert(content: bytes, rng: Rng) -> bytes:
    place = int(rng.integers(len(content) + 1))
    return content[:place] + rng.bytes(int(rng.integers(1, 9))) + content[place:]


def _overwrite(content: bytes, rng: Rng) -> bytes:
    """Puts an extreme number of 1, 2, 4 or 8 bytes somewhere."""
    width = int(rng.choice([1, 2, 4, 8]))
    value = bytes(rng.choice([0x00, 0xFF, 0x7F, 0x80], size=width).astype(np.uint8))
    place = int(rng.integers(max(1, len(content) - width)))
    return content[:place] + value + content[place + width :]


def _replace_token(content: bytes, rng: Rng) -> bytes:
    tokens = list(_TOKEN.finditer(content))
    if not tokens:
        return content
    token = tokens[int(rng.integers(len(tokens)))]
    nasty = NASTY[int(rng.integers(len(NASTY)))].encode()
    return content[: token.start()] + nasty + content[token.end() :]


def _replace_number(content: bytes, rng: Rng) -> bytes:
    """Another number in the place of one, so that the file stays what it is."""
    numbers = list(_NUMBER.finditer(content))
    if not numbers:
        return content
    number = numbers[int(rng.integers(len(numbers)))]
    factor = (0, -1, 0.5, 2, 10, 1000, 1e12)[int(rng.integers(7))]
    value = float(number[0]) * factor
    text = f"{value:.0f}" if b"." not in number[0] or rng.random() < 0.1 else repr(value)
    return content[: number.start()] + text.encode() + content[number.end() :]


def _swap_tokens(content: bytes, rng: Rng) -> bytes:
    tokens = list(_TOKEN.finditer(content))
    if len(tokens) < 2:
        return content
    one, two = sorted(rng.choice(len(tokens), size=2, replace=False))
    first, second = tokens[one], tokens[two]
    parts = (content[: first.start()], second[0], content[first.end() : second.start()])
    return b"".join((*parts, first[0], content[second.end() :]))


def _with_lines(change: Callable[[list[bytes], int, Rng], list[bytes]]) -> Callable[..., bytes]:
    def mutate(content: bytes, rng: Rng) -> bytes:
        lines = content.splitlines(keepends=True)
        return b"".join(change(lines, int(rng.integers(len(lines))), rng)) if lines else content

    return mutate


def _indent(lines: list[bytes], place: int, rng: Rng) -> list[bytes]:
    spaces = b" " * int(rng.integers(1, 5))
    return [*lines[:place], spaces + lines[place], *lines[place + 1 :]]


def _move(lines: list[bytes], place: int, rng: Rng) -> list[bytes]:
    rest = [*lines[:place], *lines[place + 1 :]]
    to = int(rng.integers(len(rest) + 1))
    return [*rest[:to], lines[place], *rest[to:]]


TEXT = (
    *[_replace_token] * 5,
    *[_replace_number] * 5,
    _swap_tokens,
    _with_lines(lambda lines, place, rng: lines[:place] + lines[place + 1 :]),
    _with_lines(lambda lines, place, rng: [*lines[: place + 1], *lines[place:]]),
    _with_lines(_indent),
    _with_lines(_move),
    _flip,
    _cut,
    _insert,
)
BYTES = (_flip, _flip, _cut, _remove, _insert, _overwrite, _overwrite)
