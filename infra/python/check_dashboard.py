"""Checks a Grafana dashboard and hands its queries to promtool.

    python check_dashboard.py DASHBOARD.json RULES.json

Grafana shows nothing where a panel has no query, and an error only to who looks at it. RULES.json gets
each query as a recording rule, with Grafana's own variables filled in, for `promtool check rules`.
"""

import json
import re
import sys
from pathlib import Path

# What Grafana fills in, with something of the same kind.
VARIABLES = {"$__rate_interval": "5m", "$__interval": "1m", "$__range": "6h"}


def problems(dashboard: dict) -> list[str]:
    found = [f"the dashboard has no {key}" for key in ("uid", "title", "panels") if not dashboard.get(key)]
    known = {variable["name"] for variable in dashboard.get("templating", {}).get("list", [])}
    ids = [panel.get("id") for panel in dashboard.get("panels", [])]
    found += [f"panel id {id} is there twice" for id in sorted({id for id in ids if ids.count(id) > 1})]
    for panel in dashboard.get("panels", []):
        name = f"panel {panel.get('id')} ({panel.get('title')})"
        if not panel.get("title"):
            found.append(f"{name}: no title")
        if not panel.get("targets"):
            found.append(f"{name}: no target")
        for target in panel.get("targets", []):
            if not target.get("expr", "").strip():
                found.append(f"{name}: target {target.get('refId')} has no expr")
            used = re.findall(r"\$(?:\{(\w+)\}|(\w+))", json.dumps(target))
            unknown = {a or b for a, b in used if f"${a or b}" not in VARIABLES} - known
            found += [f"{name}: no variable ${variable}" for variable in sorted(unknown)]
    return found


def rules(dashboard: dict) -> dict:
    queries = []
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            expr = target["expr"]
            for variable, value in VARIABLES.items():
                expr = expr.replace(variable, value)
            queries.append({"record": f"panel_{panel['id']}:{target['refId']}", "expr": expr})
    return {"groups": [{"name": dashboard["uid"], "rules": queries}]}


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: check_dashboard.py DASHBOARD.json RULES.json", file=sys.stderr)
        return 2
    source, target = map(Path, sys.argv[1:])
    try:
        dashboard = json.loads(source.read_text())
    except ValueError as error:
        print(f"{source}: {error}", file=sys.stderr)
        return 1
    found = problems(dashboard)
    for problem in found:
        print(f"{source}: {problem}", file=sys.stderr)
    if not found:
        target.write_text(json.dumps(rules(dashboard)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
