#!/usr/bin/env python3
"""The peer of `tieline bench dispatch.uc_ratio`: unit commitment by PGLib-UC's published formulation, in Pyomo and HiGHS.

    python uc_pglib.py CASE.json[.gz] [GAP [SEED]]

Written from the description that PGLib-UC publishes with its cases (three binaries a unit and hour, start-up categories,
minimum up and down times, ramps, piecewise costs as weights of points; Morales-Espana, Latorre, Ramos 2013 with Sridhar,
Linderoth, Luedtke 2013). Builds it with Pyomo, solves it with HiGHS on one thread to the gap (1e-4), and prints one line of
JSON: objective and bound in $, seconds of each part, processor time, peak memory in MB. It writes no results, which favours it.

Needs pyomo 6.10, highspy 1.16 (`./x peers` installs them).
"""

import gzip
import json
import resource
import sys
import time

BEGUN = time.perf_counter()

import highspy  # noqa: E402
import pyomo.environ as pyo  # noqa: E402
from pyomo.contrib.appsi.solvers import Highs  # noqa: E402


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    return json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)


def model(case):
    m = pyo.ConcreteModel()
    units, renewables = case["thermal_generators"], case["renewable_generators"]
    hours = range(1, case["time_periods"] + 1)
    last = case["time_periods"]
    steps = [(g, t) for g in units for t in hours]
    starts = [(g, s, t) for g in units for s in range(len(units[g]["startup"])) for t in hours]
    points = [(g, k, t) for g in units for k in range(len(units[g]["piecewise_production"])) for t in hours]
    m.on = pyo.Var(steps, domain=pyo.Binary)
    m.start = pyo.Var(steps, domain=pyo.Binary)
    m.stop = pyo.Var(steps, domain=pyo.Binary)
    m.warm = pyo.Var(starts, domain=pyo.Binary)
    m.weight = pyo.Var(points, bounds=(0, 1))
    m.above = pyo.Var(steps, domain=pyo.NonNegativeReals)
    m.spare = pyo.Var(steps, domain=pyo.NonNegativeReals)
    m.cost = pyo.Var(steps)
    m.taken = pyo.Var([(w, t) for w in renewables for t in hours], domain=pyo.NonNegativeReals)
    for w, unit in renewables.items():
        for t in hours:
            m.taken[w, t].setlb(unit["power_output_minimum"][t - 1])
            m.taken[w, t].setub(unit["power_output_maximum"][t - 1])
    m.rules = pyo.ConstraintList()
    add = m.rules.add
    for t in hours:
        thermal = sum(m.above[g, t] + unit["power_output_minimum"] * m.on[g, t] for g, unit in units.items())
        add(thermal + sum(m.taken[w, t] for w in renewables) == case["demand"][t - 1])
        add(sum(m.spare[g, t] for g in units) >= case["reserves"][t - 1])
    for g, unit in units.items():
        one(m, add, g, unit, hours, last)
    m.objective = pyo.Objective(
        expr=sum(
            m.cost[g, t]
            + units[g]["piecewise_production"][0]["cost"] * m.on[g, t]
            + sum(row["cost"] * m.warm[g, s, t] for s, row in enumerate(units[g]["startup"]))
            for g, t in steps
        )
    )
    return m


def one(m, add, g, unit, hours, last):
    """The rules of one unit."""
    least, most = unit["power_output_minimum"], unit["power_output_maximum"]
    up, down = unit["ramp_up_limit"], unit["ramp_down_limit"]
    begin, end = unit["ramp_startup_limit"], unit["ramp_shutdown_limit"]
    least_up, least_down = min(unit["time_up_minimum"], last), min(unit["time_down_minimum"], last)
    was_on, kinds, curve = unit["unit_on_t0"], unit["startup"], unit["piecewise_production"]
    held = unit["power_output_t0"] - least if was_on else 0.0
    if was_on:
        for t in range(1, min(unit["time_up_minimum"] - unit["time_up_t0"], last) + 1):
            add(m.on[g, t] == 1)
    else:
        for t in range(1, min(unit["time_down_minimum"] - unit["time_down_t0"], last) + 1):
            add(m.on[g, t] == 0)
    for s in range(len(kinds) - 1):
        lag = kinds[s + 1]["lag"]
        for t in range(max(1, lag - unit["time_down_t0"] + 1), min(lag - 1, last) + 1):
            add(m.warm[g, s, t] == 0)
    if was_on:
        add(held <= (most - least) - max(most - end, 0) * m.stop[g, 1])
    for t in hours:
        before, status = (m.above[g, t - 1], m.on[g, t - 1]) if t > 1 else (held, was_on)
        add(m.on[g, t] - status == m.start[g, t] - m.stop[g, t])
        if unit["must_run"]:
            add(m.on[g, t] >= 1)
        if t >= least_up:
            add(sum(m.start[g, i] for i in range(t - least_up + 1, t + 1)) <= m.on[g, t])
        if t >= least_down:
            add(sum(m.stop[g, i] for i in range(t - least_down + 1, t + 1)) <= 1 - m.on[g, t])
        for s in range(len(kinds) - 1):
            if t >= kinds[s + 1]["lag"]:
                add(m.warm[g, s, t] <= sum(m.stop[g, t - i] for i in range(kinds[s]["lag"], kinds[s + 1]["lag"])))
        add(m.start[g, t] == sum(m.warm[g, s, t] for s in range(len(kinds))))
        room = (most - least) * m.on[g, t]
        add(m.above[g, t] + m.spare[g, t] <= room - max(most - begin, 0) * m.start[g, t])
        if t < last:
            add(m.above[g, t] + m.spare[g, t] <= room - max(most - end, 0) * m.stop[g, t + 1])
        add(m.above[g, t] + m.spare[g, t] - before <= up)
        add(before - m.above[g, t] <= down)
        add(m.above[g, t] == sum((row["mw"] - curve[0]["mw"]) * m.weight[g, k, t] for k, row in enumerate(curve)))
        add(m.cost[g, t] == sum((row["cost"] - curve[0]["cost"]) * m.weight[g, k, t] for k, row in enumerate(curve)))
        add(m.on[g, t] == sum(m.weight[g, k, t] for k in range(len(curve))))


def main():
    gap = float(sys.argv[2]) if len(sys.argv) > 2 else 1e-4
    imported = time.perf_counter()
    m = model(read(sys.argv[1]))
    built = time.perf_counter()
    solver = Highs()
    solver.config.mip_gap = gap
    solver.config.load_solution = False
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    solver.highs_options = {"threads": 1, "random_seed": seed}
    answer = solver.solve(m)
    solved = time.perf_counter()
    print(json.dumps({
        "objective_usd": answer.best_feasible_objective,
        "bound_usd": answer.best_objective_bound,
        "seconds": {"import": imported - BEGUN, "build": built - imported, "solve": solved - built},
        "processor_s": time.process_time(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "versions": {"pyomo": pyo.pyomo.version.version if hasattr(pyo, "pyomo") else None,
                     "highs": highspy.Highs().version()},
    }))


main()
