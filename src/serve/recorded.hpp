/// What Engine::record() is given, checked and as it goes into the store.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "data/log_currency.hpp"
#include "pannier/core/error.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/store/people.hpp"

namespace pannier::serve {

/// Equal events without an id get ordinals, and currencies in small letters become capitals, as in a file.
/// Errors: invalid_argument naming the event and its field: those of data::require_valid(); another currency than the store's or, where none is
/// settled, than that of an event before.
[[nodiscard]] inline std::vector<data::ImportedEvent> recorded(std::span<const data::Event> events, const store::PeopleStore& people) {
  std::vector<data::ImportedEvent> out(events.size());
  std::map<UserKey, std::uint64_t> equal;
  std::string settled;
  for (std::size_t i = 0; i < events.size(); ++i) {
    auto event = events[i];
    event.currency = data::capital_code(event.currency);
    const auto where = events.size() == 1 ? "event" : "events[" + std::to_string(i) + "]";
    data::require_valid(event, where);
    if (!event.currency.empty()) {
      if (settled.empty()) settled = people.currency();
      if (settled.empty()) settled = event.currency;
      if (event.currency != settled)
        throw Error(ErrorCode::invalid_argument, where + ".currency", "is " + std::string(event.currency) + ", and the store's amounts are in " + settled, settled);
    }
    out[i].event = event;
    if (events.size() > 1 && event.id.empty()) out[i].ordinal = equal[data::event_id(event, 0)]++;
  }
  return out;
}

/// Appends what recorded() gave; the first amount with a currency settles that of the store. Errors: those of PeopleStore::append(); invalid_argument
/// where another process settled another currency meanwhile.
[[nodiscard]] inline store::AppendCounts append_recorded(std::span<const data::ImportedEvent> events, store::PeopleStore& people) {
  const auto named = std::find_if(events.begin(), events.end(), [](const auto& imported) { return !imported.event.currency.empty(); });
  if (named == events.end() || !people.currency().empty()) return people.append(events);
  const auto transaction = people.begin();
  transaction->set_currency(named->event.currency);
  const auto counts = transaction->append(events);
  transaction->commit();
  return counts;
}

}  // namespace pannier::serve
