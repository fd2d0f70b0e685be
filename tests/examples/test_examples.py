"""The examples that are no compiled programs, run as a reader would run them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pannier

ROOT = Path(__file__).parents[2]
BUILT = Path(os.environ["PANNIER_BINARY_DIR"]) / "bindings" / "c"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """People of two tastes who order two or three items of theirs together."""
    folder = tmp_path_factory.mktemp("shop")
    lines, draw = ["time,kind,user,order,item,item_name"], 1
    for order in range(240):
        for _ in range(3):
            draw = (draw * 1664525 + 1013904223) % 2**32
            taste, item = "ab"[order % 2], (draw >> 16) % 12
            lines.append(f"2024-01-{order % 28 + 1:02},purchase,u{order % 40},o{order},{taste}{item},<{taste.upper()}> no. {item}")
    (folder / "events.csv").write_text("\n".join(lines) + "\n")
    pannier.train(folder / "store", events=folder / "events.csv", threads=1,
                  config={"models": [{"name": "popular"}, {"name": "item_knn"}, {"name": "together", "minimum_count": 2, "significance": 1}]})
    return folder / "store"


def test_php_serves_a_product_page_in_thirty_lines(store):
    page = ROOT / "examples" / "php" / "product_page.php"
    code = [line for line in page.read_text().splitlines() if line.strip() and not line.lstrip().startswith("//")]
    assert len(code) <= 32, "it says thirty lines"
    php = shutil.which("php")
    if php is None:
        pytest.skip("php is not installed (package php-cli)")
    if subprocess.run([php, "-r", "exit(class_exists('FFI') ? 0 : 1);"]).returncode != 0:
        pytest.skip("this php has no FFI")
    header, library = BUILT / "include" / "pannier_ffi.h", BUILT / "libpannier.so"
    if not header.exists() or not library.exists():
        pytest.skip("this tree has no C library")
    environment = {**os.environ, "PANNIER_HEADER": str(header), "PANNIER_LIBRARY": str(library)}
    done = subprocess.run([php, page, store, "a1", "u2"], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    html = done.stdout
    assert html.count("<h2>") == 3 and html.count("<li>") >= 9
    assert "&lt;A&gt; no. " in html and "<A>" not in html  # Names are escaped.
    assert "because of &lt;" in html and "like &lt;A&gt; no. 1<" in html and "bought with &lt;A&gt; no. 1<" in html
    # A product that the store does not know yet has its page all the same, without the rows that are about it; the log says why.
    new = subprocess.run([php, "-d", "error_log=", "-d", "log_errors=1", page, store, "no such item", "u2"], capture_output=True, text=True, env=environment, timeout=60)
    assert new.returncode == 0 and new.stdout.count("<h2>") == 3 and "because of &lt;" in new.stdout and "request.items[0]" in new.stderr
    refused = subprocess.run([php, page, store.parent / "no such store", "a1"], capture_output=True, text=True, env=environment, timeout=60)
    assert refused.returncode != 0 and "no such store" in refused.stdout + refused.stderr


def test_the_notebook_runs_from_a_data_frame_to_a_plot(monkeypatch):
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed (package python3-matplotlib)")
    pytest.importorskip("pandas", reason="pandas is not installed (package python3-pandas)")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    notebook = json.loads((ROOT / "examples" / "notebooks" / "first_steps.ipynb").read_text(encoding="utf-8"))
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf()))
    space = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == [] and cell["execution_count"] is None, "the notebook is committed without outputs"
        exec(compile(cell["source"], "first_steps.ipynb", "exec"), space)
    assert len(shown) == 1 and len(shown[0].axes[0].patches) == 9
    # Customers are recommended what they like.
    assert (space["shares"].diagonal() > 0.5).all()
    reasons = space["table"](space["after"])["why"]
    assert len(reasons) == 5 and all("Garden item 3" in why or "popular" in why for why in reasons)


def test_code_for_implicit_runs_with_one_import_changed():
    told = subprocess.run([sys.executable, str(ROOT / "examples" / "python" / "from_implicit.py")], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == ["user 4 is missing item 4", "of 30 users, first is the missing item for 30",
                                 "like item 4: 4 itself, then others of its taste: True", "a new user of odd taste gets item 5"]
