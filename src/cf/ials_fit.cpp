/// fit_ials(): alternating half sweeps, each an eigenbasis and then one small system a row.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "cf/ials_basis.hpp"
#include "cf/ials_model.hpp"
#include "cf/ials_sweep.hpp"
#include "pannier/cf/ials.hpp"
#include "pannier/core/error.hpp"

namespace pannier::cf {
namespace {

IalsFit fit(const CsrView& given, const IalsConfig& config, const FitControl& control, const MatrixView& start) {
  const auto begin = std::chrono::steady_clock::now();
  Csr kept;
  const CsrView events = ials_evidence(given, kept);
  if (std::ranges::none_of(events.values, [](float w) { return w > 0; })) throw Error(ErrorCode::invalid_argument, "events", "no weight is positive", "at least one");
  const auto factors = static_cast<std::size_t>(config.factors);
  Matrix users(events.rows, factors);
  auto storage = std::make_shared<IalsStorage>();

  const Csr by_item = transpose(events);
  const IalsSide user_side("user", events, config), item_side("item", by_item, config);

  FitReport report;
  IalsSweeps sweeps("fit_ials", config, control);
  const auto epochs = static_cast<std::uint64_t>(config.epochs);
  int epoch = 0;
  Matrix& items = storage->vectors;
  items = initial_vectors(item_side, factors, start, config, control);
  if (start.rows == 0 && config.start_factors > 0) {
    // Epochs of fewer factors, the last one left to all of them; each begins where the one before ended.
    Matrix fewer = items;
    for (auto some = static_cast<std::size_t>(config.start_factors); some < factors && epoch + 1 < config.epochs; some *= 2, ++epoch) {
      checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), epochs);
      fewer = initial_vectors(item_side, some, epoch == 0 ? MatrixView{} : MatrixView(fewer), config, control);
      Matrix people(events.rows, some);
      IalsSums of_items, of_users;
      sweeps.run(user_side, people, item_side, fewer, epoch, IalsPass::improving, of_users);
      sweeps.run(item_side, fewer, user_side, people, epoch, IalsPass::improving, of_items);
      report.objective.push_back(of_items.least + of_users.squares);
    }
    if (epoch > 0) items = initial_vectors(item_side, factors, fewer, config, control);
  }
  bool stops = false;
  for (const int first = epoch; epoch < config.epochs; ++epoch) {
    const bool last = epoch + 1 == config.epochs || stops;
    checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), epochs);
    IalsSums of_items, of_users;
    auto diagonal = sweeps.run(user_side, users, item_side, items, epoch, last ? IalsPass::final : IalsPass::improving, of_users);
    checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), epochs);
    if (last) {
      // What people fold in against stays as it is; the items' last vectors come back to the coordinates of the people's rows.
      storage->diagonal = std::move(diagonal);
      storage->fold_in = items;
      Matrix rotated = users;
      Basis back;
      sweeps.run(item_side, items, user_side, rotated, epoch, IalsPass::exact, of_items, &back);
      rotate(items, back, control);
    } else {
      sweeps.run(item_side, items, user_side, users, epoch, IalsPass::improving, of_items);
    }
    const double before = epoch == first ? std::numeric_limits<double>::infinity() : report.objective.back(), now = of_items.least + of_users.squares;
    report.objective.push_back(now);
    if (last) break;
    stops = config.tolerance > 0 && before - now < static_cast<double>(config.tolerance) * before;
  }
  checkpoint(control, "epoch", epochs, epochs);

  report.detail = describe_ways(config, user_side, item_side);
  if (sweeps.rows_in_double() != 0) report.detail += "; " + std::to_string(sweeps.rows_in_double()) + " solved in double";
  report.epochs = static_cast<int>(report.objective.size());
  if (report.epochs < config.epochs) report.detail += "; stopped after " + std::to_string(report.epochs) + " epochs";
  IalsFit out{make_ials_model(config, std::move(storage)), std::move(users), {}};
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  out.report = std::move(report);
  return out;
}

IalsFit fit_or_refuse(const CsrView& events, const IalsConfig& config, const FitControl& control, const MatrixView& start) {
  validate(config);
  require_valid_cells(events, config);
  if (events.rows == 0) throw Error(ErrorCode::invalid_argument, "events", "has no users", "at least one");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one column");
  try {
    return fit(events, config, control, start);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "fit_ials", "no memory for " + std::to_string(events.rows) + " users and " + std::to_string(events.cols) + " items of " + std::to_string(config.factors) + " factors");
  }
}

}  // namespace

IalsFit fit_ials(const CsrView& events, const IalsConfig& config, const FitControl& control) { return fit_or_refuse(events, config, control, {}); }

IalsFit fit_ials_from(const MatrixView& start, const CsrView& events, const IalsConfig& config, const FitControl& control) {
  const auto refuse = [](std::string what, std::string allowed) { throw Error(ErrorCode::invalid_argument, "start", std::move(what), std::move(allowed)); };
  if (start.rows != events.cols) refuse("has " + std::to_string(start.rows) + " items", "those of events, " + std::to_string(events.cols));
  if (start.cols == 0 || start.cols > static_cast<std::size_t>(std::max(config.factors, 0))) refuse("has " + std::to_string(start.cols) + " factors", "from 1 to " + std::to_string(config.factors));
  for (std::size_t item = 0; item < start.rows; ++item)
    if (!std::ranges::all_of(start.row(item), [](float y) { return std::isfinite(y); })) refuse("has a number that is not finite in row " + std::to_string(item), "finite numbers");
  return fit_or_refuse(events, config, control, start);
}

}  // namespace pannier::cf
