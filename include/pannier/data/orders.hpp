/// What a log says of orders: the items that went into one, and the orders that nobody known placed.
#pragma once

#include <cstdint>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/weighting.hpp"

namespace pannier::data {

/// How refund lines found what they take back.
struct RefundMatches {
  std::uint64_t whole = 0;      ///< Lines all of whose units were found.
  std::uint64_t in_part = 0;    ///< Lines of which some were.
  std::uint64_t unmatched = 0;  ///< Lines of which none was: what they cancel is older than the log, or, without a person, has another price.
  bool operator==(const RefundMatches&) const = default;
};

/// Orders without a person x items, weights by weigh_history(), all > 0.
struct OrderRows {
  Csr cells;
  std::vector<std::uint32_t> orders;   ///< The log's number of each row, ascending.
  RefundMatches refunds;
  operator CsrView() const noexcept { return cells; }  // NOLINT(google-explicit-constructor)
};

/// Builds a row for each order with events that name no person, of those events and as weigh_history() weighs them; orders without a cell
/// have none. Events with a person are in build_interactions().
///
/// Refunds: a refund takes back the units of its item bought last before it in its own order. What is left of it (a cancellation has an order
/// number of its own) takes back a purchase without a person, of any order, before it, of the same item at the same price: the latest of
/// exactly its units, else the latest ones, as many as it takes. A purchase counts in the share of its units that is left.
/// Cost: O(events without a person log of them) time, 40 bytes an event of them beside the result. Repeats: same bits for any thread count.
/// Errors: as build_interactions().
[[nodiscard]] OrderRows build_order_rows(const EventLog& log, const WeightingConfig& config, std::int64_t now_us, const FitControl& control = {});

/// How the refund lines of known people found the purchases that they take back: of the same person and item, before them, the latest units first, as
/// weigh_history() takes them. Cost: O(purchases log purchases). Errors: unsupported (more than 4294967295 events).
[[nodiscard]] RefundMatches match_refunds(const EventLog& log);

/// Baskets x items, values 1.
struct Baskets {
  Csr cells;
  RefundMatches refunds;   ///< Of orders without a person, as in build_order_rows().
  operator CsrView() const noexcept { return cells; }  // NOLINT(google-explicit-constructor)
};

/// The items bought in one go: the purchases of an order (of one person; an order number that two people use is two baskets), and, where a
/// purchase names no order, those of one person on one UTC day. An item is in it while units are left: a known person's refunds take back as in
/// weigh_history(), those without a person as in build_order_rows(). Baskets come in the order of orders, then people and days; without empty ones.
/// Cost: O(purchases log purchases), 40 bytes a purchase. Errors: unsupported (more than 4294967295 events), cancelled.
[[nodiscard]] Baskets build_baskets(const EventLog& log, const FitControl& control = {});

/// What one person looked at (view_item) on one UTC day: visits x items, values 1, by people and days.
/// Cost: O(views log views). Errors: as build_baskets().
[[nodiscard]] Csr build_visits(const EventLog& log, const FitControl& control = {});

}  // namespace pannier::data
