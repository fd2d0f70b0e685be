/// The report of a training as the JSON that every face prints.
#include <sys/resource.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/serve/train.hpp"
#include "serve/json_text.hpp"

namespace pannier::serve {

std::string to_json(const TrainReport& report) {
  std::string out = "{\"generation\":";
  put_json(out, report.generation);
  const auto field = [&out](std::string_view name, auto number) {
    (((out += ",\"") += name) += "\":");
    put_json(out, number);
  };
  out += ",\"events\":{\"read\":";
  put_json(out, report.read);
  field("ingested", report.ingested);
  field("duplicates", report.duplicates);
  const auto counts = [&out](std::string_view name, const std::map<std::string, data::ImportSummary::Cause>& of) {
    ((out += ",\"") += name) += "\":{";
    for (const auto& [what, count] : of) {
      if (out.back() != '{') out += ',';
      put_json(out, what);
      out += ':';
      put_json(out, count.lines);
    }
    out += '}';
  };
  counts("dropped", report.dropped);
  counts("noted", report.noted);
  const auto texts = [&out](std::string_view name, const std::vector<std::string>& of) {
    ((out += ",\"") += name) += "\":[";
    for (const auto& text : of) {
      if (out.back() != '[') out += ',';
      put_json(out, text);
    }
    out += ']';
  };
  texts("proposals", report.proposals);
  out += ",\"no_products\":[";
  for (const auto& code : report.no_products) {
    out += out.back() == '[' ? "{\"item\":" : ",{\"item\":";
    put_json(out, code.item);
    const auto text = [&](std::string_view name, std::string_view value) {
      (((out += ",\"") += name) += "\":");
      put_json(out, value);
    };
    text("name", code.name);
    field("lines", code.lines);
    text("example", code.example);
    text("why", code.why);
    out += '}';
  }
  out += "]}";
  field("users", report.users);
  field("items", report.items);
  counts("items_dropped", report.items_dropped);
  field("items_without_events", report.items_without_events);
  field("items_not_in_file", report.items_not_in_file);
  field("events_left_out", report.events_left_out);
  out += ",\"people\":{\"read\":";
  put_json(out, report.people.read);
  field("kept", report.people.kept);
  field("changed", report.people.changed);
  field("with_events", report.people.with_events);
  counts("dropped", report.people.dropped);
  texts("proposals", report.people.proposals);
  out += '}';
  const auto cancellations = [&](const data::RefundMatches& of) {
    out += ",\"cancellations\":{\"whole\":";
    put_json(out, of.whole);
    field("in_part", of.in_part);
    field("unmatched", of.unmatched);
    out += '}';
  };
  if (const auto& vectors = report.vectors; vectors.read != 0) {
    out += ",\"vectors\":{\"read\":";
    put_json(out, vectors.read);
    field("dimensions", vectors.dimensions);
    out += vectors.bias ? ",\"bias\":true" : ",\"bias\":false";
    field("unknown_items", vectors.unknown_items);
    field("without_events", vectors.without_events);
    field("items_without_vector", vectors.items_without_vector);
    out += '}';
  }
  out += ",\"orders_without_person\":{\"trained\":";
  put_json(out, report.orders_without_person);
  cancellations(report.cancellations);
  out += '}';
  cancellations(report.cancellations_of_people);
  out += ",\"models\":[";
  for (const auto& model : report.models) {
    out += out.back() == '[' ? "{\"name\":" : ",{\"name\":";
    put_json(out, model.name);
    field("seconds", model.seconds);
    out += ",\"metrics\":{";
    for (const auto& [metric, mean] : model.metrics) {
      if (out.back() != '{') out += ',';
      put_json(out, metric);
      out += ':';
      put_json(out, mean);
    }
    out += "}}";
  }
  out += ']';
  field("seconds", report.seconds);
  field("peak_rss_mb", report.peak_rss_mb);
  return out + '}';
}

double peak_rss_mb() noexcept {
  struct rusage usage {};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;  // Linux counts kibibytes.
}

}  // namespace pannier::serve
