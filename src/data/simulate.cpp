#include "pannier/data/simulate.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

#include "data/replaced_files.hpp"
#include "data/simulate_people.hpp"
#include "data/simulate_shop.hpp"
#include "data/simulate_visits.hpp"
#include "pannier/core/time.hpp"
#include "pannier/data/event.hpp"

namespace pannier::data {
namespace {

using namespace simulation;

constexpr std::int64_t first_day = std::chrono::sys_days{std::chrono::year{2025} / 1 / 1}.time_since_epoch().count();
constexpr std::int64_t day_s = 86'400;

std::string time_text(std::int64_t since_beginning_s) { return format_time((first_day * day_s + since_beginning_s) * us_per_second); }
std::string time_text(double days) { return time_text(static_cast<std::int64_t>(days * static_cast<double>(day_s))); }

template <class Number>
void append(std::string& out, Number number) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

void append_quoted(std::string& out, std::string_view text) { out.append("\"").append(text).append("\""); }

/// "u12" for the 12th user, "v12" for their visitor id, "g3" for the visitor id of the third guest.
void append_id(std::string& out, char letter, std::uint64_t number) {
  out += letter;
  append(out, number + 1);
}

class Writer {
 public:
  Writer(const Shop& shop, const std::vector<Person>& people) : shop_(shop), people_(people) {}

  static constexpr std::string_view header =
      "event_id,time,kind,user,visitor,session,order,item,quantity,price,dwell_ms,query,device,country,channel\n";

  void append_row(std::string& out, const Row& row) {
    const auto& person = people_[row.person];
    const auto& item = shop_.items()[row.item];
    const auto number = person.entity & ~(std::uint64_t{1} << 63);
    const auto visit_id = [&](char letter) {
      // Users and guests are numbered apart.
      if (person.guest) out += letter;
      append_id(out, person.guest ? 'g' : letter, number);
      out += '-';
      append(out, row.visit + 1);
    };
    visit_id('e');
    out += '-';
    append(out, row.step + 1);
    out += ',';
    append_time(out, row.time_s);
    out.append(",").append(name(row.kind)).append(",");
    if (row.signed_in) append_id(out, 'u', number);
    out += ',';
    append_id(out, person.guest ? 'g' : 'v', number);
    out += ',';
    visit_id('s');
    out += ',';
    if (row.in_order) visit_id('o');
    out += ',';
    append_id(out, 'i', row.item);
    out += ',';
    if (row.quantity > 0) append(out, row.quantity);
    out += ',';
    if (row.quantity > 0) append(out, item.price);
    out += ',';
    if (row.dwell_ms >= 0) append(out, row.dwell_ms);
    out += ',';
    if (row.searched) append_lower(out, categories()[item.category].nouns[item.noun]);
    out.append(",").append(devices[row.device]).append(",").append(countries[person.country]).append(",").append(channels[row.channel]).append("\n");
  }

 private:
  /// As time_text(), quicker: the date is made once a day.
  void append_time(std::string& out, std::int64_t time_s) {
    const auto day = time_s / day_s;
    if (day != date_of_ || date_.empty()) {
      date_ = time_text(day * day_s).substr(0, 11);
      date_of_ = day;
    }
    const auto seconds = static_cast<int>(time_s % day_s);
    char clock[] = "00:00:00Z";
    const auto two = [&](int at, int number) {
      clock[at] = static_cast<char>('0' + number / 10);
      clock[at + 1] = static_cast<char>('0' + number % 10);
    };
    two(0, seconds / 3600);
    two(3, seconds / 60 % 60);
    two(6, seconds % 60);
    out.append(date_).append(clock);
  }

  static void append_lower(std::string& out, std::string_view text) {
    for (const char c : text) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }

  const Shop& shop_;
  const std::vector<Person>& people_;
  std::string date_;
  std::int64_t date_of_ = 0;
};

SimulatedShop write_events(ReplacedFiles& files, const Shop& shop, std::vector<Person> people, const SimulateConfig& config, const FitControl& control) {
  SimulatedShop counts;
  Writer writer(shop, people);
  auto& out = files.begin("events.csv");
  out += Writer::header;
  std::vector<Row> rows, later;
  const auto days = static_cast<std::int64_t>(config.days);
  for (std::int64_t number = 0; number < days; ++number) {
    checkpoint(control, "simulating days", static_cast<std::uint64_t>(number), config.days);
    const auto day = make_day(shop, number, first_day + number);
    const double kept = visits_factor(first_day + number) / largest_visits_factor;
    const double end = day.number + 1;
    const auto end_s = (number + 1) * day_s;
    rows.clear();
    std::erase_if(later, [&](const Row& row) {
      if (row.time_s < end_s) rows.push_back(row);
      return row.time_s < end_s;
    });
    for (std::uint32_t n = 0; n < people.size(); ++n) {
      auto& person = people[n];
      while (person.next_visit < end) {
        if (person.next_visit >= person.dropout && person.visits > 0) {
          person.next_visit = std::numeric_limits<double>::infinity();
          break;
        }
        // The first visit is when the person joins; the others are thinned from the rate of the busiest day.
        if (person.visits == 0 || person.arrivals.uniform() < kept) visit(shop, day, config.seed, n, person, rows);
        person.next_visit += person.arrivals.exponential() / std::max(person.visit_rate * largest_visits_factor, 1e-9);
      }
    }
    const auto today = std::partition(rows.begin(), rows.end(), [&](const Row& row) { return row.time_s < end_s; });
    later.insert(later.end(), today, rows.end());
    rows.erase(today, rows.end());
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      return std::tie(a.time_s, a.person, a.visit, a.step) < std::tie(b.time_s, b.person, b.visit, b.step);
    });
    for (const auto& row : rows) {
      writer.append_row(out, row);
      files.flush_when_long();
      if (row.opens_order) ++counts.orders;
      if (row.kind == EventKind::refund) ++counts.refunds;
    }
    counts.events += rows.size();
  }
  checkpoint(control, "simulating days", config.days, config.days);
  return counts;
}

void write_items(ReplacedFiles& files, const Shop& shop) {
  auto& out = files.begin("items.csv");
  out += "item,name,category,brand,price,stock,colour\n";
  for (std::uint32_t i = 0; i < shop.items().size(); ++i) {
    const auto& item = shop.items()[i];
    append_id(out, 'i', i);
    out += ',';
    append_quoted(out, shop.item_name(i));
    out.append(",").append(categories()[item.category].path).append(",").append(brand_name(item.brand)).append(",");
    append(out, item.price);
    out += ',';
    append(out, item.stock);
    out.append(",").append(shop.colour(i)).append("\n");
    files.flush_when_long();
  }
}

void write_users(ReplacedFiles& files, std::span<const Person> people, std::uint64_t seed) {
  auto& out = files.begin("users.csv");
  out += "user,source,country,device,joined,interest\n";
  for (const auto& person : people) {
    if (person.guest) continue;
    append_id(out, 'u', person.entity);
    out.append(",").append(channels[person.source]).append(",").append(countries[person.country]).append(",").append(devices[person.device]);
    out.append(",").append(time_text(person.joined).substr(0, 10)).append(",").append(interest(person, seed)).append("\n");
    files.flush_when_long();
  }
}

void append_season(std::string& out, const Season& season) {
  out += "\"peak_day\": ";
  append(out, season.peak_day);
  out += ", \"width_days\": ";
  append(out, season.width_days);
  out += ", \"amplitude\": ";
  append(out, season.amplitude);
  out += "}";
}

void write_truth(ReplacedFiles& files, const Shop& shop, std::span<const Person> people, const SimulateConfig& config) {
  constexpr std::array<std::string_view, tier_count> price_levels{"low", "middle", "high"};
  auto& out = files.begin("truth.json");
  out += "{\"seed\": ";
  append(out, config.seed);
  out += ",\n\"users\": [";
  std::string_view comma = "\n";
  for (const auto& person : people) {
    if (person.guest) continue;
    out.append(comma).append("{\"user\": \"");
    comma = ",\n";
    append_id(out, 'u', person.entity);
    out.append("\", \"segment\": ");
    append_quoted(out, archetypes()[person.archetype].name);
    out.append(", \"taste\": {\"style\": ");
    append_quoted(out, style_name(person.style));
    out.append(", \"second_style\": ");
    append_quoted(out, style_name(person.second_style));
    out.append(", \"brands\": [");
    append_quoted(out, brand_name(person.brands[0]));
    out += ", ";
    append_quoted(out, brand_name(person.brands[1]));
    out.append("], \"price_level\": ");
    append_quoted(out, price_levels[person.tier]);
    out.append(", \"categories\": {");
    for (std::size_t i = 0; i < person.category_count; ++i) {
      if (i > 0) out += ", ";
      append_quoted(out, categories()[person.categories[i]].path);
      out += ": ";
      append(out, person.shares[i]);
    }
    out.append("}}, \"rate\": ");
    append(out, person.order_rate());
    out.append(", \"dropout\": ");
    if (person.dropout < static_cast<double>(config.days))
      append_quoted(out, time_text(person.dropout));
    else
      out += "null";
    out += "}";
    files.flush_when_long();
  }
  out += "],\n\"items\": [";
  comma = "\n";
  for (std::uint32_t i = 0; i < shop.items().size(); ++i) {
    out.append(comma).append("{\"item\": \"");
    comma = ",\n";
    append_id(out, 'i', i);
    out.append("\", \"category\": ");
    append_quoted(out, categories()[shop.items()[i].category].path);
    out.append(", \"taste\": ");
    append_quoted(out, style_name(shop.items()[i].style));
    out += "}";
    files.flush_when_long();
  }
  out += "],\n\"seasons\": {\"weekly\": [";
  for (std::size_t i = 0; i < weekly_visits.size(); ++i) {
    if (i > 0) out += ", ";
    append(out, weekly_visits[i]);
  }
  out += "],\n\"yearly\": {";
  append_season(out, yearly_visits);
  out += ",\n\"categories\": [";
  comma = "\n";
  for (const auto& category : categories()) {
    if (category.season.amplitude == 0) continue;
    out.append(comma).append("{\"category\": ");
    comma = ",\n";
    append_quoted(out, category.path);
    out += ", ";
    append_season(out, category.season);
  }
  out += "]}}\n";
}

}  // namespace

SimulatedShop simulate_shop(const std::filesystem::path& folder, const SimulateConfig& config, const FitControl& control) {
  validate(config);
  const auto days = static_cast<double>(config.days);
  const Shop shop(config.seed, config.items, days);
  std::vector<Person> people;
  people.reserve(config.users + config.users / 2);
  for (std::uint64_t n = 0; n < config.users; ++n) people.push_back(make_person(shop, config.seed, n, false, days));
  for (std::uint64_t n = 0; n < config.users / 2; ++n) people.push_back(make_person(shop, config.seed, n, true, days));
  ReplacedFiles files(folder);
  write_items(files, shop);
  write_users(files, people, config.seed);
  write_truth(files, shop, people, config);
  const auto counts = write_events(files, shop, std::move(people), config, control);
  files.finish();
  return counts;
}

}  // namespace pannier::data
