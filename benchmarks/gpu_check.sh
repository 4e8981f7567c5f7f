#!/usr/bin/env bash
# All that only a graphics card can show, in one call of at most eight minutes, as one JSON.
#
#     benchmarks/gpu_check.sh [OUT.json]          # on a machine with an NVIDIA card
#     ABLATE_CARD=cpu benchmarks/gpu_check.sh     # anywhere: what is CUDA's own is skipped by name, figures mean nothing
#
# Needs Python 3.11 or later with torch, torchvision, numpy, scipy, pandas, matplotlib, scikit-learn, pillow, pyyaml,
# jinja2, typer, rich, safetensors and pytest; no network, MLflow, Optuna or pytest-randomly. Where pydantic is
# missing too, its wheels are taken from WHEELS (default: .whl beside the repository's files):
#
#     pip download --only-binary=:all: --python-version 3.12 --platform manylinux_2_17_x86_64 -d .whl pydantic filelock
set -u
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3} WHEELS=${WHEELS:-.whl} CARD=${ABLATE_CARD:-cuda} OUT=${1:-gpu_check.json}
kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" ABLATE_CARD=$CARD PYTHONUNBUFFERED=1

if ! "$PYTHON" -c 'import pydantic' 2>/dev/null; then
  if ! compgen -G "$WHEELS/*.whl" >/dev/null; then
    echo "pydantic is not installed, and $WHEELS holds no wheels; the head of this script says how to get them." >&2
    exit 2
  fi
  "$PYTHON" -m pip install --quiet --no-index --no-deps --upgrade --target "$kept/site" "$WHEELS"/*.whl || exit 2
  export PYTHONPATH="$kept/site:$PYTHONPATH"
fi

"$PYTHON" - "$CARD" <<'ASK' || exit 2
import importlib.util, sys
import torch
needed = "torchvision numpy scipy pandas matplotlib sklearn PIL yaml jinja2 typer rich safetensors pytest filelock".split()
missing = [name for name in needed if importlib.util.find_spec(name) is None]
if missing:
    sys.exit(f"not installed: {', '.join(missing)}")
if sys.argv[1] == "cuda" and not torch.cuda.is_available():
    sys.exit("torch sees no NVIDIA card here. ABLATE_CARD=cpu carries out what makes sense without one.")
ASK

small=(); [ "$CARD" = cuda ] || small=(--small)
timeout 200 "$PYTHON" -m pytest -m gpu tests/gpu -p no:cacheprovider --junit-xml "$kept/tests.xml" 2>&1 | tee "$kept/tests.log" | tail -25
echo "The benchmark: our loop beside a hand-tuned one, then 1, 2 and 4 runs a card."
timeout 270 "$PYTHON" benchmarks/card.py --device "$CARD" "${small[@]}" --seconds 150 --json "$kept/card.json" >/dev/null

"$PYTHON" - "$kept" "$OUT" <<'JOIN'
import json, sys
import xml.etree.ElementTree as tree
from pathlib import Path
kept, out = Path(sys.argv[1]), Path(sys.argv[2])
found = {"tests": {}, "card": None}
if (kept / "tests.xml").exists():
    for case in tree.parse(kept / "tests.xml").iter("testcase"):
        bad = next((part for part in case if part.tag in ("failure", "error", "skipped")), None)
        found["tests"][case.get("name")] = (
            {"outcome": "passed"} if bad is None else {"outcome": bad.tag, "why": (bad.get("message") or "")[:500]}
        ) | {"seconds": float(case.get("time", 0))}
else:
    found["tests_log"] = (kept / "tests.log").read_text()[-4000:]
if (kept / "card.json").exists():
    found["card"] = json.loads((kept / "card.json").read_text())
out.write_text(json.dumps(found, indent=1))
failed = [name for name, one in found["tests"].items() if one["outcome"] in ("failure", "error")]
print(f"{len(found['tests'])} tests, failed: {', '.join(failed) or 'none'}; written to {out}")
sys.exit(1 if failed or not found["tests"] or found["card"] is None else 0)
JOIN
