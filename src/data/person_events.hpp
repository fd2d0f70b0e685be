/// The events of a log by person: what matrices and splits go through, person by person.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/weighting.hpp"

namespace pannier::data {

/// Places of a log's events, grouped by person, in the order of the log inside a person. Borrows the log.
class PersonEvents {
 public:
  /// Keeps the events with a person and an item for which keep(place) holds. Errors: unsupported (more than 4294967295 events).
  template <class Keep>
  PersonEvents(const EventLog& log, const Keep& keep) : log_(log), offsets_(std::size_t{log.person_count()} + 1, 0) {
    if (log.size() > 0xFFFFFFFFu)
      throw Error(ErrorCode::unsupported, "event log", "has " + std::to_string(log.size()) + " events", "at most 4294967295");
    const auto persons = log.persons();
    const auto items = log.items();
    const auto wanted = [&](std::size_t place) { return persons[place] != no_person && items[place] != value(no_item) && keep(place); };
    for (std::size_t place = 0; place < log.size(); ++place)
      if (wanted(place)) ++offsets_[persons[place] + std::size_t{1}];
    for (std::size_t p = 0; p < log.person_count(); ++p) offsets_[p + 1] += offsets_[p];
    places_.resize(offsets_.back());
    std::vector<std::uint32_t> next(offsets_.begin(), offsets_.end() - 1);
    for (std::size_t place = 0; place < log.size(); ++place)
      if (wanted(place)) places_[next[persons[place]]++] = static_cast<std::uint32_t>(place);
  }

  /// Where in the log the person's events are, in the order of events().
  [[nodiscard]] std::span<const std::uint32_t> places(std::uint32_t person) const {
    return std::span(places_).subspan(offsets_[person], offsets_[person + std::size_t{1}] - offsets_[person]);
  }

  /// The person's events as the weighing rule reads them.
  void events(std::uint32_t person, std::vector<WeighedEvent>& out) const {
    out.clear();
    for (auto i = offsets_[person]; i < offsets_[person + std::size_t{1}]; ++i) {
      const auto place = places_[i];
      out.push_back({.item = log_.items()[place], .kind = log_.kinds()[place], .time_us = log_.times_us()[place],
                     .quantity = log_.quantities()[place]});
    }
  }

 private:
  const EventLog& log_;
  std::vector<std::uint32_t> offsets_, places_;
};

}  // namespace pannier::data
