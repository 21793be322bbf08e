"""Text folders of ns-3's RDMA model (HPCC) and of m4, as scenarios and back."""

from __future__ import annotations

from m4graph.convert.formats import FORMATS, TextFormat, text_format
from m4graph.convert.origin import write_origin
from m4graph.convert.reading import from_text
from m4graph.convert.writing import to_text

__all__ = ["FORMATS", "TextFormat", "from_text", "text_format", "to_text", "write_origin"]
