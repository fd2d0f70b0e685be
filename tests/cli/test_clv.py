"""clv: a customers file to parameters and values."""

import csv
import math
import os
from pathlib import Path

import pytest

MODELS = ["bg_nbd", "mbg_nbd", "pareto_nbd"]
DATA = Path(os.environ.get("PANNIER_DATA", Path(__file__).parents[3] / "shared/data"))


@pytest.fixture
def customers(tmp_path):
    """Ninety customers in days, ten of each of nine histories."""
    rows = [(0, 0, 270), (0, 0, 200), (0, 0, 150), (1, 30, 270), (1, 180, 200), (2, 213, 272), (4, 90, 260), (6, 250, 260), (12, 255, 258)]
    lines = ["id,x,t_x_days,T_days,m_x"] + [f"c{n}-{k},{x},{t},{age},{(5 + 3 * n + k) if x else 0}" for n, (x, t, age) in enumerate(rows) for k in range(10)]
    file = tmp_path / "customers.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_fitted_and_every_customer_gets_finite_values(pannier, customers, tmp_path, model):
    out = tmp_path / "values.csv"
    done = pannier("clv", "--customers", customers, "--model", model, "-o", out, "--json")
    assert done.code == 0, done.err
    assert done.json["model"] == model and done.json["customers"] == 90 and done.json["new"] == 0 and done.json["converged"]
    assert list(done.json["parameters"]) == list(done.json["standard_errors"]) and done.json["log_likelihood"] < 0
    with open(out, newline="") as file:
        values = list(csv.DictReader(file))
    assert [row["customer"] for row in values][:2] == ["c0-0", "c0-1"] and len(values) == 90
    assert all(0 <= float(row["p_alive"]) <= 1 and 0 <= float(row["expected_purchases"]) < math.inf for row in values)
    assert values[89]["expected_purchases"] > values[30]["expected_purchases"]  # Twelve orders to the end, against one at the beginning.


def test_the_unit_scales_the_times_and_leaves_the_values(pannier, customers, tmp_path):
    fits, values = {}, {}
    for unit in ("day", "week"):
        done = pannier("clv", "--customers", customers, "--model", "mbg_nbd", "--unit", unit, "--horizon", 100, "-o", tmp_path / unit, "--json")
        assert done.code == 0, done.err
        fits[unit] = done.json["parameters"]
        with open(tmp_path / unit, newline="") as file:
            values[unit] = [float(row["expected_purchases"]) for row in csv.DictReader(file)]
    # Newton's last step leaves some 1e-7 of each parameter.
    assert fits["day"]["alpha"] == pytest.approx(7 * fits["week"]["alpha"], rel=1e-4)
    assert fits["day"]["r"] == pytest.approx(fits["week"]["r"], rel=1e-4)
    assert values["day"] == pytest.approx(values["week"], rel=1e-4)


def test_counts_stand_for_customers_and_text_says_what_json_does(pannier, tmp_path):
    file = tmp_path / "counted.csv"
    file.write_text("x,t_x,n,customers\n0,0,6,3464\n1,1,6,1091\n1,4,6,78\n3,5,6,225\n2,2,6,613\n6,6,6,1203\n")
    done = pannier("clv", "--customers", file, "--map", "count=customers", "--model", "bg_bb", "--json")
    assert done.code == 0 and done.json["customers"] == 6674, done.err
    text = pannier("clv", "--customers", file, "--map", "count=customers", "--model", "bg_bb").out
    assert "6,674 customers" in text and "gamma" in text and f"{done.json['log_likelihood']:.5f}" in text


def test_spend_is_fitted_where_there_is_some(pannier, customers):
    done = pannier("clv", "--customers", customers, "--model", "gamma_gamma", "--json")
    assert done.code == 0 and set(done.json["parameters"]) == {"p", "q", "v"}, done.err


def test_who_bought_first_at_the_end_is_kept_and_said(pannier, tmp_path):
    file = tmp_path / "new.csv"
    file.write_text("x,t_x,T\n0,0,0\n0,0,9\n2,5,9\n1,1,8\n")
    assert pannier("clv", "--customers", file, "--model", "bg_nbd", "--json").json["new"] == 1
    assert "1 of them first bought at the very end" in pannier("clv", "--customers", file, "--model", "bg_nbd").out


@pytest.mark.parametrize("text, arguments, code, message", [
    ("x,t_x,T\n1,12.5,10\n", [], 1, "recency[0]: is 12.5, after the end of calibration"),
    ("x,t_x,T\n2,0,10\n", [], 1, "recency[0]: is 0 with a frequency of 2"),
    ("x,t_x,T\n1.5,2,10\n", [], 1, "frequency[0]: is 1.5"),
    ("x,t_x,T\n1,soon,10\n", [], 1, "c.csv:2:t_x: is 'soon'"),
    ("x,t_x\n1,2\n", [], 1, "T_days"),
    ("x,t_x,T\n1,2,3\n", ["--map", "frequency=x"], 1, "is no field of a customer"),
    ("x,t_x,T\n1,2,3\n", ["--model", "gamma_gamma"], 2, "needs the column m_x"),
    ("x,t_x,T\n1,2,3\n", ["--unit", "year"], 2, "--unit"),
    ("x,t_x,T\n1,2,3\n", ["--horizon", "-1"], 2, "--horizon"),
])
def test_what_cannot_be_is_refused_by_name(pannier, tmp_path, text, arguments, code, message):
    file = tmp_path / "c.csv"
    file.write_text(text)
    model = [] if "--model" in arguments else ["--model", "bg_nbd"]
    done = pannier("clv", "--customers", file, *model, *arguments)
    assert done.code == code and message in done.err, done.err
    assert done.out == ""


@pytest.mark.parametrize("file, options, model, known", [
    ("cdnow/sample_summary.csv.gz", [], "bg_nbd", -9582.42921),
    ("cdnow/sample_summary.csv.gz", [], "mbg_nbd", -9582.13572),
    ("cdnow/sample_summary.csv.gz", [], "pareto_nbd", -9594.97618),
    ("bgbb-donations/donations_summary.csv.gz", ["--map", "count=customers"], "bg_bb", -33225.58127),
])
def test_published_fits(pannier, file, options, model, known):
    if not (DATA / file).exists():
        pytest.skip(f"no {file} in {DATA} (set PANNIER_DATA)")
    done = pannier("clv", "--customers", DATA / file, *options, "--model", model, "--json")
    assert done.code == 0, done.err
    assert done.json["log_likelihood"] == pytest.approx(known, abs=1e-5)
