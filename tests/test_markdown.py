"""The reader of Markdown pages that other tests use."""

from __future__ import annotations

from tests.markdown import Block, blocks

PAGE = """# Title

```python
x = 1
```

1. In a list:
   ```yaml
   a: [1]
   ```

````
```
nested
```
````
"""


def test_blocks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert blocks(page) == [
        Block("python", "x = 1\n", 3),
        Block("yaml", "a: [1]\n", 8),
        Block("", "```\nnested\n```\n", 12),
    ]
