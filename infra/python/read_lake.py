"""Reads a lake with two readers that are not ours and prints what each found, as JSON.

    python read_lake.py LAKE

    {"deltalake": {"sessions": {"version": 3, "rows": 10}, "series": {"version": 2, "rows": 40, "samples": 1200}},
     "polars":    {"sessions": {"rows": 10}, "series": {"rows": 40, "samples": 1200}}}

`samples` is the total length of the list column `samples`: the number of raw measurements.
"""

import json
import sys
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, QueryBuilder

TABLES = ("sessions", "series")


def with_deltalake(folder: Path) -> dict:
    table = DeltaTable(str(folder))
    columns = {field.name for field in table.schema().fields}
    samples = ", sum(coalesce(array_length(samples), 0)) AS samples" if "samples" in columns else ""
    reader = QueryBuilder().register("t", table).execute(f"SELECT count(*) AS rows{samples} FROM t")
    row = pl.DataFrame(reader.read_all()).row(0, named=True)
    return {"version": table.version(), **{name: int(value or 0) for name, value in row.items()}}


def with_polars(folder: Path) -> dict:
    frame = pl.read_delta(str(folder))
    found = {"rows": frame.height}
    if "samples" in frame.columns:
        found["samples"] = int(frame["samples"].list.len().sum() or 0)
    return found


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: read_lake.py LAKE", file=sys.stderr)
        return 2
    lake = Path(sys.argv[1])
    missing = [name for name in TABLES if not (lake / name / "_delta_log").is_dir()]
    if missing:
        print(f"{lake}: no Delta table {', '.join(missing)}; is this a lake?", file=sys.stderr)
        return 1
    readers = {"deltalake": with_deltalake, "polars": with_polars}
    print(json.dumps({name: {t: read(lake / t) for t in TABLES} for name, read in readers.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
