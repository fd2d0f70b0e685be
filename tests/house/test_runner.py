"""tools/run_tests.py counts what each kind of program says it ran."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from run_tests import Count, count_output, count_report  # noqa: E402


def test_catch2():
    ruler = "=" * 79
    assert count_output(f"{ruler}\nAll tests passed (12 assertions in 3 test cases)\n", True) == Count(passed=3)
    assert count_output(f"{ruler}\ntest cases:  5 |  4 passed | 1 failed\nassertions: 9 | 8 passed | 1 failed\n",
                        False) == Count(passed=4, failed=1)
    assert count_output("No test cases matched '[slow]'\n", True) == Count()


def test_pytest():
    assert count_output("..s\n3 passed, 1 skipped in 0.12s\n", True) == Count(passed=3, skipped=1)
    assert count_output("=== 1 failed, 2 passed, 1 error in 60.12s (0:01:00) ===\n", False) == Count(passed=2, failed=2)


def test_anything_else_is_one_case():
    assert count_output("hello\n", True) == Count(passed=1)
    assert count_output("Segmentation fault\n", False) == Count(failed=1)


def test_a_crash_after_the_summary_is_a_failure():
    assert count_output("All tests passed (1 assertion in 1 test case)\n", False) == Count(passed=1, failed=1)
    assert count_output("2 passed in 0.10s\n", False) == Count(passed=2, failed=1)


def test_what_could_not_start_has_failed_and_what_declined_is_skipped(tmp_path):
    report = tmp_path / "ctest.xml"
    report.write_text("""<testsuite>
        <testcase name="ran" status="run"><system-out>hello</system-out></testcase>
        <testcase name="missing" status="notrun"><skipped message="Unable to find executable"/></testcase>
        <testcase name="declined" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>
        </testsuite>""")
    assert count_report(report) == Count(passed=1, failed=1, skipped=1)
