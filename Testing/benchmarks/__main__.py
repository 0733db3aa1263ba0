"""`make bench [ONLY=road]`: run the benchmarks and print a table; exit code 1 if a goal is missed."""

import importlib
import os
import pkgutil
import platform
import sys

import benchmarks


def main(only: list[str]) -> int:
    names = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name.startswith("bench_"))
    chosen = [name for name in names if not only or name.removeprefix("bench_") in only]
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n")
    print("| measured | figure | goal | |\n|---|---|---|---|")
    missed = 0
    for name in chosen:
        for finding in importlib.import_module(f"benchmarks.{name}").measure():
            print(finding.row(), flush=True)
            missed += not finding.met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
