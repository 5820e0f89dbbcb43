#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""make bench: runs the cases and prints one table of figures beside their yardsticks."""

import argparse
import json
import os
import platform
import sys
import time

from cases import CASES, Bench
from delta_cases import DELTA_CASES
from processes import BenchError
from report import SYSTEMS, table


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of the programs under test")
    parser.add_argument("--programs", required=True, help="folder of the bench's own programs")
    parser.add_argument("--json", help="file for all figures of all rounds")
    parser.add_argument("--cases", default=",".join(CASES),
                        help="which, separated by commas (default: all; delta: all of that): "
                        + " ".join(CASES))
    parser.add_argument("--systems", default=",".join(SYSTEMS),
                        help="which, separated by commas (default: all): " + " ".join(SYSTEMS))
    parser.add_argument("--rounds", type=int, help="of each case (default: 5)")
    parser.add_argument("--seconds", type=float, help="of each measurement (default: 6)")
    parser.add_argument("--quick", action="store_true", help="one round, three seconds: a first look")
    parser.add_argument("--skew-seconds", type=float, default=45,
                        help="of the case skew; 600 for the whole of it (default: 45)")
    parser.add_argument("--crowd-seconds", type=float, default=60, help="of the case sound50")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 5)
    arguments.seconds = arguments.seconds or (3 if arguments.quick else 6)
    arguments.cases = [case for name in arguments.cases.split(",") if name
                       for case in (DELTA_CASES if name == "delta" else [name])]
    arguments.systems = arguments.systems.split(",")
    for names, known in ((arguments.cases, CASES), (arguments.systems, SYSTEMS)):
        for name in names:
            if name not in known:
                parser.error(f"there is no {name!r}; there are {', '.join(known)}")
    if arguments.rounds < 1 or arguments.seconds < 1:
        parser.error("at least one round of one second")
    return arguments


def machine():
    model = "an unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}"


def main():
    arguments = parse_arguments()
    progress = sys.stderr if sys.stderr.isatty() else None
    results, errors = {}, {}
    begin = time.monotonic()
    for name in arguments.cases:
        def say(text, name=name):
            if progress:
                print(f"\r\033[K{name}: {text}", end="", file=progress, flush=True)

        bench = Bench(arguments.bin, arguments.programs, arguments.rounds, arguments.seconds,
                      arguments.systems, say, arguments.skew_seconds,
                      arguments.crowd_seconds)
        say("…")
        try:
            results[name] = CASES[name].run(bench)
        except BenchError as error:
            errors[name] = str(error)
    if progress:
        print("\r\033[K", end="", file=progress)

    lines, rows = table(results, errors)
    judged = [row["is_met"] for row in rows if row["is_met"] is not None]
    about = (f"{time.strftime('%Y-%m-%d %H:%M')}, {machine()}; medians of {arguments.rounds} rounds of "
             f"{arguments.seconds:g} s, interleaved; took {(time.monotonic() - begin) / 60:.0f} min")
    print("\n".join(lines))
    print(f"\n{about}")
    print(f"{sum(judged)} of {len(judged)} targets reached"
          + (f"; {len(errors)} of {len(arguments.cases)} cases could not be measured" if errors else ""))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"about": about, "rows": rows, "errors": errors, "rounds": results}, file,
                      indent=1)
            file.write("\n")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
