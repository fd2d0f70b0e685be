/// The page: a frame, tiles, and the sections that need no model.
#include <algorithm>
#include <cmath>

#include "report.hpp"
#include "report_html.hpp"

namespace pannier::cli {
namespace {

std::uint64_t count_at(const Json& object, std::string_view key) {
  const double value = number_at(object, key);
  return std::isfinite(value) && value > 0 ? static_cast<std::uint64_t>(std::llround(value)) : 0;
}

std::string money(double value) { return (value < 0 ? "−" : "") + grouped(static_cast<std::uint64_t>(std::llround(std::min(std::abs(value), 1e18)))); }

std::string tile(const std::string& value, const std::string& what) { return "<div class=\"tile\"><b>" + value + "</b><span>" + what + "</span></div>"; }

/// "2010-03" or "2010-03-15" as "Mar 10".
std::string month_text(const std::string& date) {
  static constexpr const char* names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (date.size() < 7) return date;
  const int month = (date[5] - '0') * 10 + (date[6] - '0');
  return (month >= 1 && month <= 12 ? std::string(names[month - 1]) : date.substr(5, 2)) + ' ' + date.substr(2, 2);
}

/// Whether nobody in the log is known beyond a session (or basket).
bool only_sessions(const Json& log) { return log.value("people_are", "") == "sessions"; }

std::string people_in_words(const Json& log) {
  if (only_sessions(log)) return "sessions";
  return log.value("people_are", "") == "customers" ? "customers and visitors" : "customers, visitors and sessions";
}

std::string header(const Json& report) {
  const auto& log = report["log"];
  const auto& sales = report["sales"];
  std::string out = "<header><p class=\"soft\">pannier " + escaped(report.value("version", "")) + " · generation " + escaped(report["train"].value("generation", "")) + " · " +
                    escaped(report.value("made", "")) + "</p><h1>" + shop_text(report.value("title", "")) + "</h1>";
  out += sales.value("timed", true) ? "<p class=\"soft\">From " + escaped(sales.value("from", "")) + " to " + escaped(sales.value("until", "")) + ", times in UTC</p>"
                                    : "<p class=\"soft\">A log without times</p>";
  out += "<div class=\"tiles\">";
  out += tile(grouped(count_at(log, "events")), "events") + tile(grouped(count_at(log, "people")), people_in_words(log)) + tile(grouped(count_at(log, "items")), "products");
  if (count_at(sales, "orders") > 0 && (sales.value("has_orders", false) || sales.value("timed", true))) out += tile(grouped(count_at(sales, "orders")), sales.value("has_orders", false) ? "orders" : only_sessions(log) ? "days of sessions with a purchase" : "customer days with a purchase");
  if (sales.value("has_prices", false)) out += tile(money(number_at(sales, "revenue")), "sales less refunds, in the log’s currency");
  const auto& latency = report["latency"];
  if (latency.is_object()) out += tile(number(number_at(latency, "median_us"), 0) + " µs", "for one answer (median)");
  return out + "</div></header>\n";
}

std::string reading_section(const Json& report) {
  const auto& events = report["train"]["events"];
  std::string text = "<p>" + grouped(count_at(events, "read")) + (count_at(events, "read") == 1 ? " line read" : " lines read");
  if (report.contains("files")) {
    text += " from ";
    std::size_t n = 0;
    for (const auto& file : report["files"]) text += (n++ == 0 ? "" : ", ") + ("<code>" + escaped(file.get<std::string>()) + "</code>");
  }
  text += ": " + grouped(count_at(events, "ingested")) + " new events, " + grouped(count_at(events, "duplicates")) + " known already.";
  // Causes or facts with their lines and the first of them; "" for none.
  const auto causes = [&](const char* key, const std::string& head) {
    if (!report.contains(key) || report[key].empty()) return std::string();
    HtmlTable table{.head = {head, "lines", "the first of them"}, .right = {false, true, false}};
    for (const auto& cause : report[key]) {
      auto name = cause.value("cause", "");
      std::replace(name.begin(), name.end(), '_', ' ');
      table.rows.push_back({escaped(name), grouped(count_at(cause, "lines")), "<code>" + escaped(cause.value("example", "")) + "</code>"});
    }
    return table.html();
  };
  std::uint64_t dropped = 0;
  for (const auto& cause : report["dropped"]) dropped += count_at(cause, "lines");
  text += (dropped == 0 ? " No line was left out.</p>" : " " + grouped(dropped) + (dropped == 1 ? " line was" : " lines were") + " left out:</p>") +
          causes("dropped", "left out for") + causes("items_dropped", "of the items file") + causes("people_dropped", "of the users files") + causes("noted", "worth knowing, taken in or left out");
  if (report.contains("proposals") && !report["proposals"].empty()) {
    text += "<h3>Proposed</h3><ul>";
    for (const auto& proposal : report["proposals"]) text += "<li>" + escaped(proposal.get<std::string>()) + "</li>";
    text += "</ul>";
  }
  return section("reading", "What was read, and what was left out", text);
}

std::string sales_section(const Json& report) {
  const auto& sales = report["sales"];
  if (!sales.value("timed", true)) return "";
  const auto& weeks = sales["weeks"];
  const bool orders = count_at(sales, "orders") > 0, prices = sales.value("has_prices", false), sessions = only_sessions(report["log"]);
  const std::string heading = orders || prices ? "Sales by week" : "Events by week";
  const std::string by = sales["months"].size() <= 2 && !weeks.empty() ? "weeks" : sales["months"].size() <= 36 ? "months" : "years";
  const auto& spans = sales[by];
  HtmlTable table{.head = {by == "weeks" ? "week from" : by == "months" ? "month" : "year"}, .right = {false}};
  const auto column = [&](const std::string& head) {
    table.head.push_back(head);
    table.right.push_back(true);
  };
  if (prices) column("sales"), column("refunds");
  if (orders) column(sales.value("has_orders", false) ? "orders" : sessions ? "session days" : "customer days"), column(sessions ? "sessions" : "customers");
  column("events");
  for (const auto& span : spans) {
    std::vector<std::string> row{"<span class=\"k\">" + escaped(span.value("from", "")) + "</span>"};
    if (prices) row.push_back(money(number_at(span, "revenue"))), row.push_back(money(number_at(span, "refunded")));
    if (orders) row.push_back(grouped(count_at(span, "orders"))), row.push_back(grouped(count_at(span, "customers")));
    row.push_back(grouped(count_at(span, "events")));
    table.rows.push_back(std::move(row));
  }
  if (weeks.size() < 2) return section("sales", heading, "<p>All events are of one week.</p>" + table.html());

  std::vector<Tick> ticks;
  for (std::size_t n = 0; n < weeks.size(); ++n) {
    const auto date = weeks[n].value("from", "");
    if (weeks.size() <= 8) ticks.push_back({static_cast<double>(n), date.substr(5)});
    else if (date.size() == 10 && date.substr(8) <= "07") ticks.push_back({static_cast<double>(n), month_text(date)});
  }
  const auto chart = [&](const std::string& key, const std::string& title, bool refunds) {
    BarChart bars{.title = title, .y_label = "", .x_label = "week", .values = {}, .ticks = ticks};
    for (const auto& week : weeks) {
      bars.values.push_back(refunds ? number_at(week, key) + number_at(week, "refunded") : number_at(week, key));
      if (refunds) bars.below.push_back(number_at(week, "refunded"));
    }
    return bar_chart(bars);
  };
  std::string pictures;
  if (prices) pictures += "<figcaption>Sales by week, in the log’s currency; refunds below the line</figcaption>" + chart("revenue", "Sales by week", true);
  if (orders) pictures += "<figcaption>" + std::string(sales.value("has_orders", false) ? "Orders" : sessions ? "Session days with a purchase" : "Customer days with a purchase") + " by week</figcaption>" + chart("orders", "Orders by week", false);
  if (!prices || !orders) pictures += "<figcaption>Events by week</figcaption>" + chart("events", "Events by week", false);
  return section("sales", heading,
                 "<div class=\"pair\"><figure>" + pictures + "</figure><div>" + table.html() +
                     (prices ? "<p class=\"soft\">Sales are quantity × price of purchases less refunds; weeks begin on Monday, first and last may be cut.</p>" : "") + "</div></div>\n");
}

std::string popularity_section(const Json& report) {
  const auto& popularity = report["popularity"];
  if (popularity["points"].size() < 2) return {};
  LogLogChart chart{.title = "How often each product was taken, by rank", .x_label = "rank of the product", .y_label = popularity.value("of", "") + " of the product", .points = {}, .left_text = "head: 80 %", .right_text = "tail: 20 %"};
  for (const auto& point : popularity["points"]) chart.points.emplace_back(point[0].get<double>(), point[1].get<double>());
  const auto head = count_at(popularity, "head_items");
  chart.split = static_cast<double>(head);
  HtmlTable shares{.head = {"the most popular", "products", "of all " + escaped(popularity.value("of", ""))}, .right = {false, true, true}};
  for (const auto& share : popularity["shares"])
    shares.rows.push_back({percent(number_at(share, "top"), 0), grouped(count_at(share, "items")), percent(number_at(share, "share"), 1)});
  HtmlTable best{.head = {"", "best-sellers", escaped(popularity.value("of", ""))}, .right = {true, false, true}};
  std::size_t place = 0;
  for (const auto& item : popularity["best"]) {
    const auto name = item.value("name", "");
    best.rows.push_back({std::to_string(++place), shop_text(name.empty() ? item.value("item", "") : name), grouped(count_at(item, "count"))});
  }
  std::string text = "<p>" + grouped(head) + " of " + grouped(count_at(popularity, "items")) + " products make up 80&#160;% of the " + grouped(count_at(popularity, "events")) + " " +
                     escaped(popularity.value("of", "")) + "; the other " + grouped(count_at(popularity, "items") - head) + " are the tail.";
  if (count_at(popularity, "items_without") > 0) text += " " + grouped(count_at(popularity, "items_without")) + " more products have none.";
  return section("popularity", "What is popular", text + "</p>" + figure(log_log_chart(chart), "Every product by its rank, both scales logarithmic", "<div>" + shares.html() + best.html() + "</div>"));
}

std::string speed_section(const Json& report) {
  const auto& latency = report["latency"];
  if (!latency.is_object()) return {};
  BarChart chart{.title = "Times of requests", .y_label = "requests", .x_label = "microseconds for one answer", .values = {}, .tick_between = true};
  const auto& bins = latency["bins"];
  const double first = 4 * std::log2(number_at(bins.front(), "from_us"));
  for (const auto& bin : bins) chart.values.push_back(number_at(bin, "requests"));
  for (double power = 1; power < 1e9; power *= 10)
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double at = 4 * std::log2(power * digit) - first;
      if (at >= -0.01 && at <= static_cast<double>(bins.size()) + 0.01) chart.ticks.push_back({at, short_number(power * digit)});
    }
  HtmlTable table{.head = {"one answer", "µs"}, .right = {false, true}};
  for (const auto& [name, key] : {std::pair("half within", "median_us"), std::pair("9 of 10 within", "p90_us"), std::pair("99 of 100 within", "p99_us"), std::pair("the slowest", "max_us")})
    table.rows.push_back({name, grouped(count_at(latency, key))});
  std::string text = "<p>" + grouped(count_at(latency, "requests")) + " customers asked once each just now, in one process on one thread, each answer with one read of the customer’s events. "
                     "Answered by";
  std::size_t n = 0;
  for (const auto& [policy, count] : latency["policies"].items())
    text += (n++ == 0 ? " " : ", ") + escaped(policy) + " (" + percent(count.get<double>() / number_at(latency, "requests"), 1) + ")";
  return section("speed", "How fast the answers are",
                 text + ". Other work on the machine counts.</p>" + figure(bar_chart(chart), "Requests by time; the bars double in time every four; what is slower stands in the last", table.html()));
}

std::string run_section(const Json& report) {
  const auto& seconds = report["seconds"];
  HtmlTable run{.head = {"this run", ""}, .right = {false, true}};
  run.rows.push_back({"reading, fitting, publishing", number(number_at(seconds, "train"), 2) + " s"});
  for (const auto& model : report["train"]["models"])
    run.rows.push_back({"– of which fitting " + escaped(model.value("name", "")), number(number_at(model, "seconds"), 2) + " s"});
  run.rows.push_back({"measuring the models for this page", number(number_at(seconds, "quality"), 2) + " s"});
  run.rows.push_back({"sums and examples for this page", number(number_at(seconds, "sums") + number_at(seconds, "answers"), 2) + " s"});
  run.rows.push_back({"most memory held", number(number_at(report["train"], "peak_rss_mb"), 0) + " MB"});
  run.rows.push_back({"the generation, all that serving needs of products", number(number_at(report["store"], "generation_bytes") / 1e6, 1) + " MB"});
  run.rows.push_back({"people and their events", number(number_at(report["store"], "people_bytes") / 1e6, 1) + " MB"});

  HtmlTable settings{.head = {"", "settings used"}, .right = {false, false}};
  const auto values = [](const Json& object) {
    std::string out;
    for (const auto& [key, value] : object.items())
      if (key != "name") out += (out.empty() ? "" : " ") + escaped(key + "=" + (value.is_string() ? value.get<std::string>() : value.dump()));
    return "<code>" + out + "</code>";
  };
  for (const auto& model : report["config"]["models"]) settings.rows.push_back({escaped(model.value("name", "")), values(model)});
  if (report["config"].contains("events")) {
    const auto& events = report["config"]["events"];
    Json shown = Json::object();
    const auto weights = events.value("weights", Json::object());
    for (const auto& [kind, weight] : weights.items())
      if (weight != 0) shown[kind] = weight;
    settings.rows.push_back({"weights", values(shown)});
    auto others = events;
    others.erase("weights");
    settings.rows.push_back({"events", values(others)});
  }
  if (report["config"].contains("serving") && !report["config"]["serving"].empty()) settings.rows.push_back({"serving", values(report["config"]["serving"])});
  if (report.contains("import")) settings.rows.push_back({"reading", values(report["import"])});
  return section("run", "Sizes, times and settings", "<div class=\"pair\">" + run.html() + settings.html() + "</div>");
}

}  // namespace

std::string report_page(const Json& report) {
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"
         "<meta name=\"robots\" content=\"noindex\"/><title>pannier: " +
         escaped(report.value("title", "")) + "</title><style>" + std::string(report_style()) + "</style></head>\n<body><main>\n" + header(report) + reading_section(report) +
         sales_section(report) + popularity_section(report) + quality_section(report) + customers_section(report) + items_section(report) + speed_section(report) + run_section(report) +
         "</main></body></html>\n";
}

}  // namespace pannier::cli
