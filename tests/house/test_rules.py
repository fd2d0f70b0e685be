"""The rules hold in this tree, and each of them catches a planted violation."""

from pathlib import Path

import rules

ROOT = Path(__file__).resolve().parents[2]

# Units whose test is another unit's: why.
NO_TEST_OF_ITS_OWN = {}


def hold(problems):
    assert not problems, "\n" + "\n".join(problems)


def plant(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_layers_hold():
    hold(rules.check_layers(ROOT))


def test_layers_catch_an_include_that_points_up(tmp_path):
    plant(tmp_path, {"include/pannier/data/a.hpp": '#include "pannier/core/error.hpp"\n#include "pannier/cf/b.hpp"\n'})
    problems = rules.check_layers(tmp_path)
    assert len(problems) == 1 and problems[0].startswith("include/pannier/data/a.hpp:2:")


def test_layers_catch_a_sibling_and_a_private_header(tmp_path):
    plant(tmp_path, {"src/cf/a.cpp": '#include "cf/own.hpp"\n#include "popularity/counts.hpp"\n'})
    problems = rules.check_layers(tmp_path)
    assert len(problems) == 1 and problems[0].startswith("src/cf/a.cpp:2:")


def test_layers_catch_store_including_a_model_and_a_stray_folder(tmp_path):
    plant(tmp_path, {"src/store/a.cpp": '#include "pannier/cf/ials.hpp"\n', "src/misc/b.cpp": "\n"})
    assert len(rules.check_layers(tmp_path)) == 2


def test_serve_may_know_every_model(tmp_path):
    plant(tmp_path, {"src/serve/a.cpp": '#include "pannier/cf/ials.hpp"\n#include "pannier/store/people.hpp"\n'})
    assert rules.check_layers(tmp_path) == []


def test_public_headers_are_clean():
    hold(rules.check_public_headers(ROOT))


def test_public_headers_catch_a_library(tmp_path):
    plant(tmp_path, {"include/pannier/core/a.hpp": "#include <vector>\n#include <Eigen/Core>\n#include <nlohmann/json.hpp>\n"})
    assert len(rules.check_public_headers(tmp_path)) == 2


def test_the_umbrella_is_complete():
    hold(rules.check_umbrella(ROOT))


def test_an_incomplete_umbrella_is_caught(tmp_path):
    plant(tmp_path, {"include/pannier/pannier.hpp": '#include "pannier/cf/a.hpp"\n', "include/pannier/cf/a.hpp": ""})
    assert rules.check_umbrella(tmp_path) == []
    plant(tmp_path, {"include/pannier/cf/b.hpp": ""})
    assert len(rules.check_umbrella(tmp_path)) == 1


def test_faces_use_public_headers():
    hold(rules.check_faces(ROOT))


def test_faces_catch_a_private_header(tmp_path):
    plant(tmp_path, {"src/cf/solver.hpp": "", "include/pannier/cf/ials.hpp": "",
          "bindings/cli/main.cpp": '#include "pannier/cf/ials.hpp"\n#include "cf/solver.hpp"\n#include "../../src/cf/solver.hpp"\n'})
    assert len(rules.check_faces(tmp_path)) == 2


def test_libraries_stay_hidden():
    hold(rules.check_hidden_libraries(ROOT))


def test_hidden_libraries_catch_a_loop_outside_core(tmp_path):
    plant(tmp_path, {"src/cf/a.cpp": "#include <tbb/parallel_for.h>\n", "src/core/b.cpp": "#include <tbb/parallel_for.h>\n"})
    assert len(rules.check_hidden_libraries(tmp_path)) == 1


def test_every_unit_has_a_test():
    hold(rules.check_tests_exist(ROOT, NO_TEST_OF_ITS_OWN))


def test_a_unit_without_test_is_caught(tmp_path):
    plant(tmp_path, {"include/pannier/cf/a.hpp": "", "include/pannier/cf/b.hpp": "", "tests/cf/a_test.cpp": ""})
    assert len(rules.check_tests_exist(tmp_path, {})) == 1
    assert rules.check_tests_exist(tmp_path, {"cf/b": "a struct without behaviour"}) == []
    assert len(rules.check_tests_exist(tmp_path, {"cf/a": "stale", "cf/b": "fine", "cf/c": "gone"})) == 2


def test_long_files_say_why():
    hold(rules.check_file_lengths(ROOT))


def test_a_long_file_without_reason_is_caught(tmp_path):
    plant(tmp_path, {"src/core/a.cpp": "\n" * 501, "src/core/b.cpp": "// 501 lines: one table.\n" + "\n" * 500})
    assert len(rules.check_file_lengths(tmp_path)) == 1


def test_tracked_files_carry_no_trace_of_a_machine():
    hold(rules.check_machine_traces(rules.tracked_files(ROOT), ROOT))


def test_a_trace_of_a_machine_is_caught(tmp_path):
    (tmp_path / "a.txt").write_text("see /" + "home/somebody/data\nhost db1." + "internal\n192." + "168.0.7\nversion 10.2.1\n")
    assert len(rules.check_machine_traces([tmp_path / "a.txt"], tmp_path)) == 3


def test_links_lead_somewhere():
    hold(rules.check_links(rules.tracked_files(ROOT), ROOT))


def test_a_dead_link_is_caught(tmp_path):
    plant(tmp_path, {"a.md": "[b](b.md) [c](docs/c.md#part) [d](https://example.org/d)\n", "b.md": ""})
    assert len(rules.check_links([tmp_path / "a.md", tmp_path / "b.md"], tmp_path)) == 1
