"""``vneid plugins new``: a vendor's distribution to start from, which works as it is."""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from pathlib import Path

from vneid_middleware.cli.words import say

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_WORD = re.compile(r"\b(?:MODULE|NAME)\b")
"""What stands for the names in a template; SCRIPT_NAME of WSGI is another word."""
_FILES = {"pyproject.toml": "pyproject.toml.txt", "setup.cfg": "setup.cfg.txt", "README.md": "README.md.txt",
          "MODULE/__init__.py": "module.py.txt", "tests/test_MODULE.py": "test.py.txt"}


def write(name: str) -> int:
    """Write a distribution into a new folder ``name``; return the exit code.

    Args:
        name: the distribution's name, which is the plugin's name in the ini, too.
    """
    if not _NAME.fullmatch(name):
        print("vneid plugins new:", say("{name} is no name for a plugin. Small letters, digits and single hyphens make one, "
                                        "a letter first.", name=repr(name[:60])), file=sys.stderr)
        return 2
    folder, module = Path(name), name.replace("-", "_")
    if folder.exists():
        print("vneid plugins new:", say("{name} is there already and is not written over; nothing was written.", name=folder),
              file=sys.stderr)
        return 1
    templates = files("vneid_middleware.cli").joinpath("plugin_template")
    try:
        for path, template in _FILES.items():
            file = folder / path.replace("MODULE", module)
            file.parent.mkdir(parents=True, exist_ok=True)
            content = templates.joinpath(template).read_text(encoding="utf-8")
            file.write_text(_WORD.sub(lambda word: {"MODULE": module, "NAME": name}[word[0]], content), encoding="utf-8")
            print(file)
    except OSError as error:
        print("vneid plugins new:", say("{name} can't be written: {reason}", name=error.filename, reason=error.strerror),
              file=sys.stderr)
        return 1
    print(say("Next: {command}; then add {name} to plugins in the portal's ini", command=f"pip install -e {folder}", name=name),
          file=sys.stderr)
    return 0
