/// Event files read whole, for tests: the events with their texts, and what every reading must hold.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/time.hpp"
#include "pannier/data/event_file.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

namespace pannier::test {

using namespace pannier::data;

/// An event that owns its texts.
struct Kept {
  std::string id, user, visitor, session, order, item, item_name, currency, query, page, device, country, channel, request_id;
  Event event;
  std::uint64_t ordinal = 0;
  explicit Kept(const ImportedEvent& from)
      : id(from.event.id), user(from.event.user), visitor(from.event.visitor), session(from.event.session), order(from.event.order),
        item(from.event.item), item_name(from.event.item_name), currency(from.event.currency), query(from.event.query), page(from.event.page),
        device(from.event.device), country(from.event.country), channel(from.event.channel), request_id(from.event.request_id),
        event(from.event), ordinal(from.ordinal) {}
};

struct Read {
  std::vector<Kept> events;
  std::vector<UserKey> ids;
  ImportSummary summary;
};

inline Read read_file(const std::filesystem::path& file, const ImportOptions& options = {}) {
  Read out;
  out.summary = read_events(file, options, [&](std::span<const ImportedEvent> block) {
    for (const auto& imported : block) {
      require_valid(imported.event, "imported");
      out.events.emplace_back(imported);
      out.ids.push_back(event_id(imported.event, imported.ordinal));
    }
  });
  std::uint64_t dropped = 0;
  for (const auto& [cause, lines] : out.summary.dropped) dropped += lines.lines;
  REQUIRE(out.summary.given == out.events.size());
  REQUIRE(out.summary.read == out.summary.given + dropped);
  return out;
}

inline Read read_text(std::string_view text, const ImportOptions& options = {}, std::string_view name = "events.csv") {
  const Scratch scratch;
  return read_file(scratch.write(name, text), options);
}

inline ImportOptions skipping() {
  ImportOptions options;
  options.on_error = OnError::skip;
  return options;
}

inline std::int64_t at(const char* text) { return parse_time(text).value(); }

/// The error of reading `text`, with the folder taken off its place.
inline Error error_of(std::string_view text, const ImportOptions& options = {}, const std::string& name = "e.csv") {
  const Scratch scratch;
  const auto file = scratch.write(name, text);
  try {
    (void)read_file(file, options);
  } catch (const Error& error) {
    const auto folder = scratch.folder().string() + "/";
    auto where = error.where();
    if (where.starts_with(folder)) where.erase(0, folder.size());
    return Error(error.code(), where, error.problem(), error.allowed());
  }
  FAIL("nothing was refused");
  throw;
}

}  // namespace pannier::test
