// Models of lifetime value over arrays of customers.
#include <pybind11/stl.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "pannier/clv/bg_bb.hpp"
#include "pannier/clv/bg_nbd.hpp"
#include "pannier/clv/customers.hpp"
#include "pannier/clv/gamma_gamma.hpp"
#include "pannier/clv/pareto_nbd.hpp"
#include "pannier/core/execution.hpp"

namespace pannier::python {
namespace {

using Numbers = Array<double>;

clv::EstimateConfig config_of(const std::vector<std::pair<double, double>>& priors) {
  clv::EstimateConfig config;
  for (const auto& [median, factor] : priors) config.priors.push_back({median, factor});
  return config;
}

py::dict to_dict(const clv::Estimate& e) {
  py::dict out;
  py::list names;
  for (const auto name : e.names) names.append(to_str(name));
  out["names"] = names;
  out["values"] = e.values;
  out["standard_errors"] = e.standard_errors;
  out["covariance"] = e.covariance;
  out["log_likelihood"] = e.log_likelihood;
  out["identified"] = e.identified;
  out["note"] = to_str(e.note);
  out["converged"] = e.report.converged;
  out["seconds"] = e.report.seconds;
  return out;
}

/// What the models of repeat purchases answer alike, behind their names.
struct Repeat {
  std::function<double(const clv::Customer&, double)> expected, alive;
};

Repeat repeat_of(const std::string& kind, const std::vector<double>& p) {
  const auto of = [](auto model) {
    return Repeat{[model](const clv::Customer& c, double t) { return model.expected(c, t); }, [model](const clv::Customer& c, double t) { return model.alive(c, t); }};
  };
  if (kind == "pareto_nbd") return of(clv::ParetoNbd({p.at(0), p.at(1), p.at(2), p.at(3)}));
  if (kind == "bg_bb") return of(clv::BgBb({p.at(0), p.at(1), p.at(2), p.at(3)}));
  return of(clv::BgNbd({p.at(0), p.at(1), p.at(2), p.at(3)}, kind == "mbg_nbd" ? clv::DropOut::after_any : clv::DropOut::after_repeats));
}

py::dict fit_repeat(const std::string& kind, const Numbers& frequency, const Numbers& recency, const Numbers& age, const Numbers& counts, bool allow_new, const std::vector<std::pair<double, double>>& priors, int threads) {
  const auto x = elements(frequency), t = elements(recency), ages = elements(age), weights = elements(counts);
  const auto config = config_of(priors);
  LongCall call(threads, py::none());
  return to_dict(call.run([&](const FitControl& control) {
    const auto table = clv::merge_customers(x, t, ages, weights, {.allow_new = allow_new});
    if (kind == "pareto_nbd") return clv::fit_pareto_nbd(table, config, control).estimate;
    if (kind == "bg_bb") return clv::fit_bg_bb(table, config, control).estimate;
    return clv::fit_bg_nbd(table, kind == "mbg_nbd" ? clv::DropOut::after_any : clv::DropOut::after_repeats, config, control).estimate;
  }));
}

/// One number a customer: expected purchases until `time`, or (`alive`) the probability of being alive then.
Numbers score_repeat(const std::string& kind, const std::vector<double>& parameters, bool alive, const Numbers& frequency, const Numbers& recency, const Numbers& age, double time, int threads) {
  const auto x = elements(frequency), t = elements(recency), ages = elements(age);
  Numbers out(frequency.size());
  const std::span to(out.mutable_data(), static_cast<std::size_t>(out.size()));
  const auto model = repeat_of(kind, parameters);
  const auto& ask = alive ? model.alive : model.expected;
  if (to.empty()) return out;
  const py::gil_scoped_release unlocked;
  const auto table = clv::merge_customers(x, t, ages, {}, {.allow_new = true});
  std::vector<double> of_row(table.rows.size());
  parallel_blocks({.threads = threads}, of_row.size(), 1024, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t n = begin; n < end; ++n) of_row[n] = ask(table.rows[n], time);
  });
  for (std::size_t n = 0; n < to.size(); ++n) to[n] = of_row[table.row_of[n]];
  return out;
}

py::dict fit_spend(const Numbers& purchases, const Numbers& averages, const Numbers& counts, const std::vector<std::pair<double, double>>& priors, int threads) {
  const auto n = elements(purchases), m = elements(averages), weights = elements(counts);
  const auto config = config_of(priors);
  LongCall call(threads, py::none());
  return to_dict(call.run([&](const FitControl& control) { return clv::fit_gamma_gamma(clv::merge_spend(n, m, weights), config, control).estimate; }));
}

Numbers score_spend(const std::vector<double>& p, const Numbers& purchases, const Numbers& averages) {
  const auto n = elements(purchases), m = elements(averages);
  Numbers out(purchases.size());
  const clv::GammaGamma model({p.at(0), p.at(1), p.at(2)});
  auto* to = out.mutable_data();
  const py::gil_scoped_release unlocked;
  for (std::size_t k = 0; k < n.size(); ++k) to[k] = model.expected_spend(n[k], m[k]);
  return out;
}

}  // namespace

void bind_clv(py::module_& module) {
  module.def("clv_fit_repeat", &fit_repeat);
  module.def("clv_score_repeat", &score_repeat);
  module.def("clv_fit_spend", &fit_spend);
  module.def("clv_score_spend", &score_spend);
}

}  // namespace pannier::python
