"""Builds and runs every fast test, and ends with one line: N passed, N failed, N skipped.

    tools/run_tests.py [--jobs N] [--all] [--only SUITE[,SUITE...]]

A suite is one function below: it configures and builds what it needs and reports its cases. A suite that does not
build counts as one failed case, and the others run all the same. Test cases are counted, not executables: Catch2 and
pytest say how many they ran, anything else is one case. Everything a suite builds stays under build/.
"""

import argparse
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"

OPTIONAL_DEPENDENCIES = ("SQLITE", "ZLIB", "HIGHWAY")
# What reads foreign bytes, the engine over damaged files, and the C ABI: these run once more under the sanitizers.
SANITIZED = ("data", "store", "serve", "c")


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: "Count") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass
class Options:
    jobs: int
    everything: bool
    environment: dict = field(default_factory=dict)


class StepFailed(Exception):
    """A command of a suite failed; its output has been shown."""


def run(command, options, cwd=ROOT, quiet=True, **extra_environment):
    """Runs one command. Its output is shown when it fails, or at once when not quiet."""
    result = subprocess.run([str(part) for part in command], cwd=cwd, text=True, errors="replace",
                            env={**options.environment, **extra_environment},
                            stdout=subprocess.PIPE if quiet else None,
                            stderr=subprocess.STDOUT if quiet else None)
    if result.returncode != 0:
        print(result.stdout or "", end="")
        print(f"failed ({result.returncode}): {' '.join(map(str, command))}", flush=True)
        raise StepFailed
    return result.stdout or ""


# --- Building ---------------------------------------------------------------------------------------------------------

def configure(folder, options, *arguments, source=ROOT):
    if not (folder / "build.ninja").exists():
        run(["cmake", "-S", source, "-B", folder, "-G", "Ninja", *arguments], options)


def configure_preset(preset, options, *arguments):
    if not (BUILD / preset / "build.ninja").exists():
        run(["cmake", "--preset", preset, *arguments], options)


def build(folder, options, *targets):
    command = ["cmake", "--build", folder, "-j", options.jobs]
    if targets:
        command += ["--target", *targets]
    run(command, options)


# --- Counting ---------------------------------------------------------------------------------------------------------

def last_number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else None


def count_output(output, succeeded):
    """Reads how many cases a program ran from the summary of Catch2 or pytest; anything else is one case."""
    all_passed = last_number(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)", output)
    if all_passed is not None:
        return Count(passed=all_passed, failed=0 if succeeded else 1)
    if re.search(r"^No tests? (ran|cases matched)", output, re.MULTILINE) and succeeded:
        return Count()
    catch = re.findall(r"^test cases:.*$", output, re.MULTILINE)
    # pytest says "1 failed, 3 passed, 2 skipped in 0.41s", in any order and with rulers around it at will.
    pytest = re.findall(r"^=* ?((?:\d+ \w+(?:, )?)+) in [\d.]+s.*$", output, re.MULTILINE)
    summary = catch[-1] if catch else pytest[-1] if pytest else ""
    count = Count(passed=last_number(r"(\d+) passed", summary) or 0,
                  failed=(last_number(r"(\d+) failed", summary) or 0) + (last_number(r"(\d+) errors?", summary) or 0),
                  skipped=last_number(r"(\d+) skipped", summary) or 0)
    if not summary:
        return Count(passed=1) if succeeded else Count(failed=1)
    if not succeeded and count.failed == 0:  # crashed after its summary, or a sanitizer spoke at exit
        count.failed = 1
    return count


def count_ctest(folder, options, *selection, without=()):
    """Runs what a build folder registers with ctest, but for the labels `without`, and counts the cases inside."""
    report = folder / "ctest.xml"
    report.unlink(missing_ok=True)
    without = [*without, *([] if options.everything else ["slow"])]
    if without:
        selection = (*selection, "-LE", "|".join(without))
    command = ["ctest", "--test-dir", folder, "-j", options.jobs, "--output-on-failure", "--no-tests=error",
               "--timeout", 1800 if options.everything or folder.name == "tsan" else 600, "--output-junit", report,
               "--test-output-size-passed", 1 << 20, "--test-output-size-failed", 1 << 20, *selection]
    subprocess.run([str(part) for part in command], cwd=ROOT, env=options.environment, check=False)
    if not report.exists():
        print(f"ctest wrote no report for {folder.relative_to(ROOT)}")
        return Count(failed=1)
    return count_report(report)


def count_report(report):
    """Counts the cases in the JUnit report of ctest; a test that could not be started has failed."""
    total = Count()
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        output = case.findtext("system-out") or ""
        status = case.get("status")
        reason = case.find("skipped")
        if status == "disabled" or (reason is not None and "SKIP_RETURN_CODE" in reason.get("message", "")):
            total.add(Count(skipped=1))
        elif status == "notrun":
            total.add(Count(failed=1))
        else:
            total.add(count_output(output, status == "run"))
    return total


def count_left_out(folder, options):
    """The slow cases that this run leaves out."""
    if options.everything:
        return 0
    return sum(
        len(subprocess.run([tests, "--list-test-names-only", "[slow]"], text=True, capture_output=True,
                           env=options.environment, check=False).stdout.splitlines())
        for tests in sorted((folder / "tests").glob("*_tests")))


# --- Suites -----------------------------------------------------------------------------------------------------------

def suite_release(options):
    """Everything as it ships: C++, C, Python, the command line and the rules of the house."""
    configure_preset("release", options)
    build(BUILD / "release", options)
    count = count_ctest(BUILD / "release", options)
    count.skipped += count_left_out(BUILD / "release", options)
    return count


def suite_headers(options):
    """Every public header compiles alone."""
    configure_preset("release", options)
    build(BUILD / "release", options, "pannier_headers")
    return Count(passed=1)


def suite_asan(options):
    """The readers of foreign bytes, the engine and the C ABI under the address and undefined-behaviour sanitizers."""
    configure_preset("asan", options, "-DPANNIER_BUILD_CLI=OFF")
    build(BUILD / "asan", options, *sanitized_targets())
    return count_ctest(BUILD / "asan", options, "-L", "sanitize")


def sanitized_targets():
    # A folder without tests yet has no target.
    return [f"{folder}_tests" for folder in SANITIZED if any((ROOT / "tests" / folder).glob("*_test.c*"))]


def suite_core_only(options):
    """The library with every optional dependency switched off."""
    folder = BUILD / "core-only"
    configure(folder, options, "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O2 -DNDEBUG",
              "-DPython_EXECUTABLE=/usr/bin/python3",
              *(f"-DPANNIER_WITH_{name}=OFF" for name in OPTIONAL_DEPENDENCIES),
              *(f"-DPANNIER_BUILD_{part}=OFF" for part in ("CLI", "C", "PYTHON", "EXAMPLES", "BENCH")))
    build(folder, options)
    return count_ctest(folder, options, without=["house"])


def suite_find_package(options):
    """A project of its own finds and uses the installed package."""
    configure_preset("release", options)
    build(BUILD / "release", options)
    prefix = BUILD / "consumer" / "prefix"
    run(["cmake", "--install", BUILD / "release", "--prefix", prefix], options)
    return consume("find_package", options, f"-DCMAKE_PREFIX_PATH={prefix}")


def suite_add_subdirectory(options):
    """A project of its own builds pannier inside its own build."""
    return consume("add_subdirectory", options, "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", "-DCMAKE_BUILD_TYPE=Debug",
                   "-DCMAKE_CXX_FLAGS_DEBUG=-O0")


def consume(name, options, *arguments):
    folder = BUILD / "consumer" / name
    configure(folder, options, *arguments, source=ROOT / "tests" / "consumer" / name)
    build(folder, options)
    return count_ctest(folder, options)


def suite_tsan(options):
    """Every fast C++ test under the thread sanitizer."""
    configure_preset("tsan", options, "-DPANNIER_BUILD_CLI=OFF")
    build(BUILD / "tsan", options)
    return count_ctest(BUILD / "tsan", options, without=["house", "slow"])


def suite_clang(options):
    """Every C++ test built by clang."""
    configure_preset("clang", options)
    build(BUILD / "clang", options)
    return count_ctest(BUILD / "clang", options, without=["house"])


FAST = {"release": suite_release, "headers": suite_headers, "find_package": suite_find_package,
        "add_subdirectory": suite_add_subdirectory, "core_only": suite_core_only, "asan": suite_asan}
SLOW = {"clang": suite_clang, "tsan": suite_tsan}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--all", action="store_true", help="also slow tests, clang and the thread sanitizer")
    parser.add_argument("--only", default="", help="suites, of: " + ", ".join([*FAST, *SLOW]))
    arguments = parser.parse_args()

    suites = {**FAST, **SLOW}
    wanted = arguments.only.split(",") if arguments.only else [*FAST, *(SLOW if arguments.all else ())]
    unknown = [name for name in wanted if name not in suites]
    if unknown:
        parser.error(f"--only: no suite {', '.join(unknown)}; there are {', '.join(suites)}")

    options = Options(jobs=arguments.jobs, everything=arguments.all,
                      environment={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
                                   **({"PANNIER_SLOW": "1"} if arguments.all else {})})
    total = Count()
    lines = []
    for name in wanted:
        print(f"== {name}: {suites[name].__doc__}", flush=True)
        started = time.monotonic()
        try:
            count = suites[name](options)
        except StepFailed:
            count = Count(failed=1)
        lines.append(f"{name:16} {str(count):40} {time.monotonic() - started:6.0f} s")
        total.add(count)
    print("\n" + "\n".join(lines))
    print(total, flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
