"""Writes the reference values of the statistics, as JSON files beside this file or in a folder:

    python3 -m venv venv && venv/bin/pip install -r infra/python/requirements.txt
    venv/bin/python analytics/tests/reference/reference.py [FOLDER]

A test reruns it and holds what it writes against the files that are committed.
"""

import importlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
# What writes NAME.json is `document()` of NAME.py.
PARTS = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("reference", "exact"))


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for part in PARTS:
        document = importlib.import_module(part).document()
        (folder / f"{part}.json").write_text(json.dumps(document, indent=0) + "\n")


if __name__ == "__main__":
    main()
