#!/usr/bin/env python3
"""The peer of `tieline bench dispatch.year_lp`: the same case file, built in PyPSA and solved by HiGHS.

    python year_lp.py CASE.toml

Reads the grid TOML and the CSV beside it that `tieline bench` writes (or any other case that uses only columns, thermal
units, cyclic storages and links), builds the network, solves it with HiGHS' simplex on one thread, and prints one line of
JSON: objective in $, seconds of each part, peak memory in MB. It writes no results, which favours it.

Needs pypsa 1.4, linopy 0.10, highspy 1.16 (`./x peers` installs them).
"""

import json
import logging
import resource
import sys
import time
import tomllib
from pathlib import Path

BEGUN = time.perf_counter()

import pandas as pd  # noqa: E402
import pypsa  # noqa: E402

UNITS = {
    "MW": 1.0, "GW": 1e3, "kW": 1e-3, "W": 1e-6, "MWh": 1.0, "GWh": 1e3, "kWh": 1e-3,
    "$/MWh": 1.0, "$/kWh": 1e3, "%": 0.01, "pu": 1.0,
}


def number(value):
    """"1.5 GW" in MW, "45 $/MWh" in $/MWh, "93 %" as a share."""
    if isinstance(value, dict):
        value = value["value"]
    amount, unit = value.split()
    return float(amount) * UNITS[unit]


def network(path):
    case = tomllib.loads(Path(path).read_text())
    columns = pd.read_csv(Path(path).parent / case["series"])
    n = pypsa.Network()
    n.set_snapshots(range(case["hours"]))
    zones = [zone["name"] for zone in case["zone"]]
    loads = pd.DataFrame({zone["name"]: columns[zone["load"]] for zone in case["zone"]})
    loads.index = n.snapshots
    n.add("Bus", zones)
    n.add("Load", [f"load {zone}" for zone in zones], bus=zones, p_set=loads.add_prefix("load "))
    peaks = loads.max()
    n.add(
        "Generator", [f"shed {zone}" for zone in zones], bus=zones, p_nom=peaks.values,
        marginal_cost=number(case["shed_price"]), p_max_pu=(loads / peaks).add_prefix("shed "),
    )
    for varies in (False, True):
        units = [unit for unit in case["unit"] if ("profile" in unit) == varies]
        if not units:
            continue
        names = [unit["name"] for unit in units]
        more = {}
        if varies:
            shares = pd.DataFrame({unit["name"]: columns[unit["profile"]] for unit in units})
            shares.index = n.snapshots
            more = {"p_max_pu": shares}
        n.add(
            "Generator", names, bus=[unit["zone"] for unit in units], p_nom=[number(unit["capacity"]) for unit in units],
            marginal_cost=[number(unit["cost"]) for unit in units], **more,
        )
    stores = case.get("store", [])
    if stores:
        n.add(
            "StorageUnit", [store["name"] for store in stores], bus=[store["zone"] for store in stores],
            p_nom=[number(store["power"]) for store in stores],
            max_hours=[number(store["energy"]) / number(store["power"]) for store in stores],
            efficiency_store=[number(store["charge_efficiency"]) for store in stores],
            efficiency_dispatch=[number(store["discharge_efficiency"]) for store in stores],
            cyclic_state_of_charge=True,
        )
    links = case.get("link", [])
    if links:
        n.add(
            "Link", [link["name"] for link in links], bus0=[link["from"] for link in links],
            bus1=[link["to"] for link in links], p_nom=[number(link["limit"]) for link in links], p_min_pu=-1.0,
        )
    return n


def main():
    logging.disable(logging.WARNING)
    imported = time.perf_counter()
    n = network(sys.argv[1])
    built = time.perf_counter()
    status, condition = n.optimize(
        solver_name="highs", io_api="direct", log_to_console=False, solver="simplex", threads=1, parallel="off"
    )
    solved = time.perf_counter()
    print(json.dumps({
        "status": f"{status}, {condition}",
        "objective_usd": float(n.objective),
        "import_s": imported - BEGUN,
        "read_s": built - imported,
        "optimize_s": solved - built,
        "seconds": solved - BEGUN,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "versions": {"pypsa": pypsa.__version__},
    }))


if __name__ == "__main__":
    main()
