#!/usr/bin/env python3
"""Runs the vendors' Python SDKs against a simulator that is running already, and prints SDK x case.

`cargo xtask oracles` starts the simulators and calls this. By hand:

    run.py --http http://127.0.0.1:8080 --tls https://localhost:8443 --ca ca.pem [--boot-ms 500] [--only hcloud] [--trace]
"""

import argparse
import importlib
import logging
import os
import signal
import sys
import time
import traceback

import kit
import oracles

# Seconds after which a case has failed.
PATIENCE = 60


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--http", required=True, help="base URL of a simulator that speaks plain HTTP")
    parser.add_argument("--tls", required=True, help="base URL of one that speaks HTTPS; its host name is `localhost`")
    parser.add_argument("--ca", required=True, help="PEM file of that one's certificate authority")
    parser.add_argument("--boot-ms", type=int, default=3000, help="the simulators' boot time")
    parser.add_argument("--only", help="names of SDKs, separated by commas")
    parser.add_argument("--trace", action="store_true", help="print a traceback for each failure")
    return parser.parse_args()


def set_environment(options):
    """Nothing but the simulator is talked to, and no setting of the caller's has a say."""
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith(("AWS_", "AZURE_", "GOOGLE_", "OVH_", "SCW_", "HCLOUD_")):
            del os.environ[name]
    os.environ["NO_PROXY"] = "*"
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        os.environ[name] = options.ca
    os.environ["ORACLE_HTTP"] = options.http
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    logging.disable(logging.CRITICAL)


class TooLong(Exception):
    """A case took longer than it may."""


def ring(*_):
    raise TooLong(f"took longer than {PATIENCE} s")


def run_case(oracle, case):
    """`None` when the case passed, else what went wrong."""
    oracle.sim.reset()
    signal.alarm(PATIENCE)
    try:
        getattr(oracle, case)()
    except kit.Failed as problem:
        return str(problem)
    except Exception as problem:  # noqa: BLE001, whatever an SDK throws is the case's failure
        return f"{type(problem).__module__}.{type(problem).__name__}: {problem}"
    finally:
        signal.alarm(0)
    return None


def run_oracle(module, options):
    """The outcome of each case: `ok`, `FAIL` or `skip`, and why."""
    kind = importlib.import_module(f"oracles.{module}").Sdk
    kind.import_sdk()
    base = options.tls if kind.tls else options.http
    oracle = kind(kit.Sim(base, kind.cloud, options.boot_ms))
    outcomes = {}
    for case in kit.CASES:
        written, reason = hasattr(oracle, case), kind.skips.get(case)
        if written and reason or not written and not reason:
            outcomes[case] = ("FAIL", "must have either a test or a reason to have none")
        elif reason:
            outcomes[case] = ("skip", reason)
        else:
            problem = run_case(oracle, case)
            outcomes[case] = ("FAIL", problem) if problem else ("ok", "")
    oracle.sim.reset()
    return kind.name, outcomes


def table(columns):
    """Cases down, SDKs across."""
    notes, rows = [], [["case", *[name for name, _ in columns]]]
    for case in kit.CASES:
        row = [case]
        for _, outcomes in columns:
            outcome, reason = outcomes.get(case, ("FAIL", ""))
            if outcome == "skip":
                if reason not in notes:
                    notes.append(reason)
                outcome = f"-[{notes.index(reason) + 1}]"
            row.append(outcome)
        rows.append(row)
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return lines + [""] + [f"[{number}] {note}" for number, note in enumerate(notes, 1)]


def main():
    options = arguments()
    set_environment(options)
    signal.signal(signal.SIGALRM, ring)
    modules = oracles.ALL
    if options.only:
        wanted = options.only.split(",")
        modules = [module for module in modules if module.removeprefix("sdk_") in wanted]
    columns, failures = [], []
    for module in modules:
        start = time.monotonic()
        try:
            name, outcomes = run_oracle(module, options)
        except Exception as problem:  # noqa: BLE001, an SDK that cannot be imported is a failure, not the end
            if options.trace:
                traceback.print_exc()
            name, outcomes = module.removeprefix("sdk_"), {}
            failures.append(f"{name}: {type(problem).__name__}: {problem}")
        columns.append((name, outcomes))
        failures += [f"{name} {case}: {why}" for case, (outcome, why) in outcomes.items() if outcome == "FAIL"]
        print(f"{name}: {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
    print("\n".join(table(columns)) if columns else "no SDK has such a name")
    for failure in failures:
        print(f"FAIL: {failure}")
    count = lambda wanted: sum(outcome == wanted for _, outcomes in columns for outcome, _ in outcomes.values())
    print(f"\n{count('ok')} passed, {len(failures)} failed, {count('skip')} skipped")
    return 1 if failures or not columns else 0


if __name__ == "__main__":
    sys.exit(main())
