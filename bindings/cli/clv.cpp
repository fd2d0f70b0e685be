#include <cmath>
#include <functional>
#include <iostream>
#include <optional>
#include <sstream>

#include "command.hpp"
#include "pannier/clv/bg_bb.hpp"
#include "pannier/clv/bg_nbd.hpp"
#include "pannier/clv/customer_file.hpp"
#include "pannier/clv/customers.hpp"
#include "pannier/clv/gamma_gamma.hpp"
#include "pannier/clv/pareto_nbd.hpp"

namespace pannier::cli {
namespace {

struct Options {
  std::string customers, map, model, unit = "week", output;
  double horizon = 364;
};

double days_of(const std::string& unit) { return unit == "day" ? 1 : unit == "week" ? 7 : 365.25 / 12; }

/// What a model of purchases says of a customer.
struct Scores {
  std::function<double(const clv::Customer&)> alive, expected;
};

struct Fitted {
  clv::Estimate estimate;
  std::optional<Scores> scores;
};

template <class Fit>
Fitted scored(Fit fit, double horizon) {
  const auto model = fit.model;
  return {std::move(fit.estimate), Scores{[model](const clv::Customer& c) { return model.alive(c); }, [model, horizon](const clv::Customer& c) { return model.expected(c, horizon); }}};
}

Fitted fit(const Options& options, const clv::CustomerFile& file, const std::optional<clv::CustomerTable>& table, const FitControl& control) {
  if (options.model == "gamma_gamma") return {clv::fit_gamma_gamma(clv::merge_spend(file.frequency, file.spend, file.counts), {}, control).estimate, {}};
  const double horizon = options.horizon / days_of(options.unit);
  if (options.model == "pareto_nbd") return scored(clv::fit_pareto_nbd(*table, {}, control), horizon);
  if (options.model == "bg_bb") return scored(clv::fit_bg_bb(*table, {}, control), options.horizon);
  return scored(clv::fit_bg_nbd(*table, options.model == "mbg_nbd" ? clv::DropOut::after_any : clv::DropOut::after_repeats, {}, control), horizon);
}

std::string exact(double value) {
  std::ostringstream out;
  out.precision(17);
  out << value;
  return out.str();
}

void write_values(const Options& options, const clv::CustomerFile& file, const clv::CustomerTable& table, const Scores& scores) {
  std::string text = "customer,p_alive,expected_purchases\n";
  std::vector<std::pair<double, double>> of_row;
  for (const auto& row : table.rows) of_row.emplace_back(scores.alive(row), scores.expected(row));
  for (std::size_t n = 0; n < file.ids.size(); ++n) text += csv_field(file.ids[n]) + ',' + exact(of_row[table.row_of[n]].first) + ',' + exact(of_row[table.row_of[n]].second) + '\n';
  write_text(options.output, text);
}

void run(const Options& options, bool json, const FitControl& control) {
  if (!options.output.empty()) require_writable(options.output);
  const Stopwatch watch;
  const auto file = clv::read_customers(options.customers, days_of(options.unit), options.map);
  const bool spend = options.model == "gamma_gamma";
  if (spend && file.spend.empty()) throw UsageError("--model: gamma_gamma needs the column m_x; expected a customers file with it, or --map m_x=COLUMN");
  if (spend && !options.output.empty()) throw UsageError("-o: gamma_gamma has no values of purchases; expected another --model");
  std::optional<clv::CustomerTable> merged;
  if (!spend) merged = clv::merge_customers(file.frequency, file.recency, file.age, file.counts, {.allow_new = true});
  const auto fitted = fit(options, file, merged, control);
  if (!options.output.empty()) write_values(options, file, *merged, *fitted.scores);
  const auto& e = fitted.estimate;
  double customers = 0, fresh = 0;
  for (std::size_t n = 0; n < file.counts.size(); ++n) customers += file.counts[n], fresh += file.age[n] == 0 ? file.counts[n] : 0;
  if (json) {
    Json parameters = Json::object(), errors = Json::object();
    for (std::size_t n = 0; n < e.names.size(); ++n) parameters[std::string(e.names[n])] = e.values[n], errors[std::string(e.names[n])] = e.standard_errors[n];
    return print_json({{"model", options.model}, {"unit", options.unit}, {"parameters", parameters}, {"standard_errors", errors}, {"log_likelihood", e.log_likelihood}, {"customers", customers}, {"new", fresh},
                       {"converged", e.report.converged}, {"identified", e.identified}, {"note", e.note}, {"seconds", watch.seconds()}});
  }
  std::cout << options.model << ", " << grouped(static_cast<std::uint64_t>(customers)) << " customers, log-likelihood " << number(e.log_likelihood, 5) << '\n';
  std::vector<std::vector<std::string>> rows{{"parameter", "value", "standard error"}};
  for (std::size_t n = 0; n < e.names.size(); ++n) rows.push_back({std::string(e.names[n]), number(e.values[n], 6), std::isfinite(e.standard_errors[n]) ? number(e.standard_errors[n], 6) : "not fixed"});
  std::cout << table(rows, {false, true, true});
  if (fresh > 0) std::cout << grouped(static_cast<std::uint64_t>(fresh)) << " of them first bought at the very end, and say nothing of the parameters\n";
  if (!e.note.empty()) std::cout << "note: " << e.note << '\n';
  if (!e.report.converged) std::cout << "note: the search did not settle\n";
}

}  // namespace

void add_clv(CLI::App& app, Commands& commands) {
  auto& command = add_command(app, commands, "clv", "Lifetime value: fit a model of purchases or of spend to customers, and say what each will buy");
  auto options = std::make_shared<Options>();
  command.app->add_option("--customers", options->customers, "File of customers: x, t_x, T (or n; or t_x_days, T_days), and perhaps id, m_x, count")->required();
  command.app->add_option("--map", options->map, "Other names of columns: x=orders,count=customers");
  command.app->add_option("--model", options->model, "The model")->required()->check(CLI::IsMember({"bg_nbd", "mbg_nbd", "pareto_nbd", "bg_bb", "gamma_gamma"}));
  command.app->add_option("--unit", options->unit, "Unit of t_x, T and the parameters")->check(CLI::IsMember({"day", "week", "month"}))->capture_default_str();
  command.app->add_option("--horizon", options->horizon, "Days ahead of the expected purchases; with bg_bb opportunities")->check(CLI::Range(0.0, 1e6))->capture_default_str();
  command.app->add_option("-o", options->output, "CSV of each customer: customer, p_alive, expected_purchases");
  command.run = [&command, options] { run(*options, command.json, command.control()); };
}

}  // namespace pannier::cli
