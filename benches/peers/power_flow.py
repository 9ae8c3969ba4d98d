#!/usr/bin/env python3
"""Holds tieline's AC power flow against pandapower's on MATPOWER cases, in one run.

    pip install pandapower==3.5.6 numba
    python3 benches/peers/power_flow.py target/release/tieline CASE.m[.gz] ...

Both start from the same file and hold voltages at the same buses, without reactive limits. The script compares the
complex voltage of every bus, per unit, and prints the largest difference; more than 1e-6 anywhere is a failure (exit 1).
pandapower is not part of tieline; nothing of it is copied here.
"""
import cmath
import gzip
import json
import math
import re
import subprocess
import sys
import time

import numpy as np
import pandapower as pp
from pandapower.converter.pypower.from_ppc import from_ppc

TOLERANCE_PU = 1e-6


def read(path):
    """The numeric tables of a case file, as PYPOWER's dictionary."""
    raw = open(path, "rb").read()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("latin-1")
    text = re.sub(r"%.*", "", text)
    case = {"version": "2", "baseMVA": float(re.search(r"mpc\.baseMVA\s*=\s*([0-9.eE+]+)", text)[1])}
    for key in ("bus", "gen", "branch"):
        body = re.search(r"mpc\." + key + r"\s*=\s*\[(.*?)\]", text, re.S)[1]
        rows = [r.split() for r in body.replace(",", " ").split(";") if r.split()]
        case[key] = np.array([[float(v) for v in row] for row in rows])
    return case


def main():
    tieline, failed = sys.argv[1], False
    for path in sys.argv[2:]:
        case = read(path)
        net = from_ppc(case, f_hz=50, validate_conversion=False)
        spent = math.inf
        for _ in range(3):
            begin = time.perf_counter()
            pp.runpp(net, algorithm="nr", init="dc", tolerance_mva=1e-6, calculate_voltage_angles=True,
                     max_iteration=50, enforce_q_lims=False, trafo_model="pi")
            spent = min(spent, time.perf_counter() - begin)
        answer = subprocess.run([tieline, "grid", "pf", path, "--free-reactive", "--json"], capture_output=True, text=True)
        if answer.returncode != 0:
            print(f"{path}: tieline: {answer.stderr.strip()}")
            failed = True
            continue
        ours = {b["number"]: cmath.rect(b["voltage_pu"], math.radians(b["angle_deg"]))
                for b in json.loads(answer.stdout)["buses"] if b["voltage_pu"] is not None}
        # pandapower keeps the numbers of the case as its index.
        theirs = {int(n): cmath.rect(vm, math.radians(va))
                  for n, vm, va in zip(net.res_bus.index, net.res_bus.vm_pu, net.res_bus.va_degree)
                  if not math.isnan(vm)}
        both = sorted(set(ours) & set(theirs))
        worst = max(both, key=lambda n: abs(ours[n] - theirs[n]))
        off = abs(ours[worst] - theirs[worst])
        failed |= off > TOLERANCE_PU or len(both) != len(theirs)
        print(f"{path.split('/')[-1]}: {len(both)} buses, largest difference {off:.2e} pu at bus {worst}; "
              f"pandapower {pp.__version__} {1e3 * spent:.1f} ms; {'ok' if off <= TOLERANCE_PU else 'FAILS'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
