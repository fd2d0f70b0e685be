"""Lifetime value: the estimators of repeat purchases and of spend."""

import numpy as np
import pytest

import pannier

REPEAT = [pannier.BGNBD, pannier.MBGNBD, pannier.ParetoNBD]


def customers(count, seed=2):
    """BG/NBD histories in whole days, as weeks."""
    rng = np.random.default_rng(seed)
    rate, lost, T = rng.gamma(0.8, 1 / 5, count), rng.beta(0.8, 3, count), rng.integers(20, 60, count).astype(float)
    x, t_x = np.zeros(count), np.zeros(count)
    for n in range(count):
        now = rng.exponential(1 / rate[n])
        while now <= T[n]:
            x[n], t_x[n] = x[n] + 1, max(np.ceil(now * 7) / 7, 1 / 7)
            if rng.random() < lost[n]:
                break
            now += rng.exponential(1 / rate[n])
    return x, np.minimum(t_x, T), T


@pytest.fixture(scope="module")
def shop():
    return customers(3000)


@pytest.mark.parametrize("kind", REPEAT)
def test_a_fit_holds_what_it_found_and_answers_for_its_customers_and_others(kind, shop):
    model = kind(threads=1).fit(*shop)
    assert model.converged_ and model.log_likelihood_ < 0
    assert list(model.params_) == list(model.standard_errors_) and all(value > 0 for value in model.params_.values())
    assert model.covariance_.shape == (4, 4)
    expected, alive = model.expected_purchases(26), model.probability_alive()
    assert expected.shape == alive.shape == (3000,) and (expected >= 0).all() and (alive >= 0).all() and (alive <= 1).all()
    some = [column[5:9] for column in shop]
    assert (model.expected_purchases(26, *some) == expected[5:9]).all()
    assert (model.probability_alive(*some) == alive[5:9]).all()
    assert (model.probability_alive(later=50) <= alive).all()
    assert model.expected_purchases_new_customer(0) == 0 < model.expected_purchases_new_customer(10)
    assert model.expected_purchases(26, *[column[:0] for column in shop]).shape == (0,)


@pytest.mark.parametrize("kind", REPEAT)
def test_bits_do_not_depend_on_threads_nor_on_weights_for_rows(kind, shop):
    one, many = kind(threads=1).fit(*shop), kind(threads=3).fit(*shop)
    assert one.params_ == many.params_ and (one.expected_purchases(9) == many.expected_purchases(9)).all()
    rows, counts = np.unique(np.column_stack(shop), axis=0, return_counts=True)
    assert kind(threads=1).fit(*rows.T, weights=counts).params_ == one.params_


def test_published_values_of_bg_nbd():
    """Of the parameters as printed: an expectation to its eleven digits."""
    model = pannier.BGNBD()
    model.params_ = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert model.expected_purchases(39, [2], [30.43], [38.86])[0] == pytest.approx(1.22602817477, abs=1e-11)
    assert model.probability_alive([2], [30.43], [38.86])[0] == pytest.approx(0.7265785701, abs=1e-10)


def test_bg_bb_counts_opportunities():
    x, t_x, n, counts = np.array([[0, 0, 6, 3464], [1, 1, 6, 1091], [1, 4, 6, 78], [3, 5, 6, 225], [2, 2, 6, 613], [6, 6, 6, 1203]]).T
    model = pannier.BGBB().fit(x, t_x, n, weights=counts)
    assert model.expected_purchases(3).shape == (6,) and (model.expected_purchases(3) <= 3).all()
    with pytest.raises(pannier.InvalidArgument, match="t: is no whole number"):
        model.expected_purchases(1.5)
    with pytest.raises(pannier.InvalidArgument, match=r"n_periods\[0\]: is -1"):
        pannier.BGBB().fit([1], [1], [-1])


def test_spend_lies_between_the_customers_average_and_that_of_all():
    rng = np.random.default_rng(5)
    n = rng.integers(0, 6, 4000)
    m = np.array([rng.gamma(3 * k, 1 / rng.gamma(4, 1 / 40)) / k if k else 0.0 for k in n])
    model = pannier.GammaGamma().fit(n, m)
    assert model.identified_ and model.params_["q"] > 1
    mean = model.expected_spend([0], [0])[0]
    spend = model.expected_spend(n, m)
    some = n > 0
    assert ((np.minimum(m, mean) <= spend * (1 + 1e-12)) & (spend <= np.maximum(m, mean) * (1 + 1e-12)))[some].all()
    assert np.allclose(spend[~some], mean)
    with pytest.raises(pannier.InvalidArgument, match=r"monetary_value\[1\]: is -4"):
        pannier.GammaGamma().fit([1, 2], [3, -4])


def test_priors_in_the_parameters_units_settle_few_customers():
    few = ([2, 0], [5, 0], [9, 9])
    loose = pannier.BGNBD().fit(*few)
    assert not loose.identified_ and "do not fix" in loose.note_ and not any(np.isnan(e) for e in loose.standard_errors_.values())
    settled = pannier.BGNBD(priors={"r": (0.5, 2), "alpha": (5, 2), "a": (0.8, 2), "b": (2.5, 2)}).fit(*few)
    assert settled.identified_ and settled.note_ == ""
    with pytest.raises(pannier.InvalidArgument, match="priors: names 'rate'"):
        pannier.BGNBD(priors={"rate": (1, 2)}).fit(*few)
    with pytest.raises(pannier.InvalidArgument, match=r"priors\[r\]"):
        pannier.BGNBD(priors={"r": 3}).fit(*few)


@pytest.mark.parametrize("columns, message", [
    (([1, 2], [1, 12.5], [5, 10]), r"recency\[1\]: is 12.5, after the end"),
    (([2], [0], [5]), r"recency\[0\]: is 0 with a frequency of 2"),
    (([1.5], [1], [5]), r"frequency\[0\]: is 1.5"),
    (([0], [0], [0]), r"T\[0\]: is 0"),
    (([np.nan], [1], [5]), r"frequency\[0\]: is NaN"),
    (([1], [1, 2], [5]), r"recency: has 2 numbers"),
    ((["a"], [1], [5]), r"frequency: is an array of 1 dimensions of <U1"),
    (([], [], []), r"frequency: has no customers"),
])
def test_customers_that_cannot_be_are_refused_by_name_and_place(columns, message):
    for kind in REPEAT:
        with pytest.raises(pannier.InvalidArgument, match=message):
            kind().fit(*columns)


def test_what_is_asked_wrongly_is_refused_by_name(shop):
    model = pannier.BGNBD()
    with pytest.raises(pannier.InvalidArgument, match="BGNBD: is not fitted"):
        model.expected_purchases(3)
    model.fit(*shop)
    with pytest.raises(pannier.InvalidArgument, match="t: is -1"):
        model.expected_purchases(-1)
    with pytest.raises(pannier.InvalidArgument, match="t: is 'soon'"):
        model.expected_purchases("soon")
    with pytest.raises(pannier.InvalidArgument, match="given in part"):
        model.expected_purchases(3, [1])
    with pytest.raises(pannier.InvalidArgument, match="threads"):
        pannier.BGNBD(threads=-1)
    assert pannier.BGNBD().fit([0, 1], [0, 2], [0, 3], allow_new=True).params_


def test_pandas_series_come_back_as_series(shop):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(dict(zip(["frequency", "recency", "T"], shop)), index=[f"c{n}" for n in range(3000)])
    model = pannier.BGNBD(threads=1).fit(frame.frequency, frame.recency, frame["T"])
    alive = model.probability_alive()
    assert isinstance(alive, pandas.Series) and (alive.index == frame.index).all()
    assert (model.expected_purchases(4).to_numpy() == pannier.BGNBD(threads=1).fit(*shop).expected_purchases(4)).all()
