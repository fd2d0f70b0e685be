/// What `tune` searches of each model: the one place where the ranges stand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/evaluate/tune.hpp"
#include "pannier/serve/registry.hpp"

namespace pannier::serve {

/// One way to set a model up: fixed settings, and the dimensions searched beside them. A model may have several (one a similarity).
struct Setup {
  std::string model;
  std::string fixed_json = "{}";                        ///< Settings that are not searched.
  std::string trial_json = "{}";                        ///< Settings of the trials that are no part of what was found: what a machine has or lacks must not decide.
  std::vector<evaluate::Dimension> dimensions;          ///< Named as the settings, numbers all: a choice is a setup of its own.
  std::vector<evaluate::Point> starts;
  std::string cost_of;                                  ///< The setting that a fit's time grows with, to the power of 1.5; "" none.
  bool in_best = true;                                  ///< Whether model=best tries it.
  std::uint32_t most_items = 0;                         ///< Larger catalogues are left out by best; 0: none is too large.

  [[nodiscard]] bool searches(std::string_view setting) const;
};

/// Every setup of the table, for a catalogue of so many items.
[[nodiscard]] std::vector<Setup> search_setups(std::uint32_t item_count);

/// The settings of a point: those fixed and those searched, a JSON object.
[[nodiscard]] std::string settings_of(const Setup& setup, const evaluate::Point& point);

}  // namespace pannier::serve
