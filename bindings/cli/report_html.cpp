/// The parts of the page that show models, customers and items.
#include "report_html.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pannier::cli {

std::string shop_text(std::string_view text) { return "<bdi>" + escaped(text) + "</bdi>"; }

std::string HtmlTable::html() const {
  const auto cell = [&](std::string_view tag, std::size_t column, const std::string& content) {
    const bool is_number = column < right.size() && right[column];
    return "<" + std::string(tag) + (is_number ? " class=\"n\">" : ">") + content + "</" + std::string(tag) + ">";
  };
  std::string out = "<div class=\"wide\"><table><thead><tr>";
  for (std::size_t c = 0; c < head.size(); ++c) out += cell("th", c, head[c]);
  out += "</tr></thead><tbody>";
  for (const auto& row : rows) {
    out += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) out += cell("td", c, row[c]);
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>";
}

std::string figure(const std::string& svg, const std::string& caption, const std::string& table) {
  return "<div class=\"pair\"><figure><figcaption>" + caption + "</figcaption>" + svg + "</figure>" + table + "</div>\n";
}

std::string section(std::string_view id, std::string_view title, const std::string& content) {
  return "<section id=\"" + std::string(id) + "\"><h2>" + std::string(title) + "</h2>\n" + content + "</section>\n";
}

std::string percent(double share, int digits) { return std::isfinite(share) ? number(100 * share, digits) + "&#160;%" : "–"; }

double number_at(const Json& object, std::string_view key) {
  if (!object.is_object()) return std::numeric_limits<double>::quiet_NaN();
  const auto found = object.find(std::string(key));
  return found != object.end() && found->is_number() ? found->get<double>() : std::numeric_limits<double>::quiet_NaN();
}

namespace {

/// Four digits with the minus of print.
std::string score_text(double value) { return (value < 0 ? "−" : "") + number(std::abs(value), 4); }

std::string interval_text(const Json& bounds) {
  if (!bounds.is_array() || bounds.size() != 2) return "–";
  const double low = bounds[0].get<double>(), high = bounds[1].get<double>();
  return score_text(low) + (low < 0 ? " to " : "–") + score_text(high);
}

/// Where the whole interval of the difference lies.
std::string verdict(const Json& above) {
  if (!above.is_object()) return "–";
  const double low = above["interval"][0].get<double>(), high = above["interval"][1].get<double>();
  const double mean = above["mean"].get<double>();
  return (mean >= 0 ? "+" : "−") + number(std::abs(mean), 4) + " (" + interval_text(above["interval"]) + ")" + (low > 0 ? " better" : high < 0 ? " worse" : " not told apart");
}

/// One protocol of all models: the picture of NDCG and the table beside it.
std::string protocol_html(const Json& quality, const std::string& part, const std::string& caption) {
  const auto at = "@" + std::to_string(quality["at"].get<int>());
  IntervalChart chart{.title = caption, .x_label = "NDCG" + at + ", with 95 % intervals", .rows = {}};
  HtmlTable main{.head = {"model", "NDCG" + at, "95&#160;% interval", "above popular (95&#160;%)"}, .right = {false, true, true, false}};
  HtmlTable more{.head = {"model", "recall" + at, "hit rate" + at, "MAP" + at, "coverage", "diversity", "Gini", "novelty", "new customers", "tail products"},
                 .right = {false, true, true, true, true, true, true, true, true, true}};
  for (const auto& model : quality["models"]) {
    if (!model.contains(part)) continue;
    const auto& result = model[part];
    const auto& metrics = result["metrics"];
    const auto name = model["name"].get<std::string>();
    const auto& bounds = result["interval"]["ndcg" + at];
    chart.rows.push_back({name, number_at(metrics, "ndcg" + at), bounds[0].get<double>(), bounds[1].get<double>(), name == "popular"});
    main.rows.push_back({escaped(name), number(number_at(metrics, "ndcg" + at), 4), interval_text(bounds),
                         name == "popular" ? "" : verdict(result.value("above_popular", Json()))});
    const auto slice = [&](const char* which) {
      const auto& slices = result["slices"];
      return slices.contains(which) ? number(number_at(slices[which], "ndcg" + at), 4) : "–";
    };
    more.rows.push_back({escaped(name), number(number_at(metrics, "recall" + at), 4), percent(number_at(metrics, "hr" + at), 1),
                         number(number_at(metrics, "map" + at), 4), percent(number_at(metrics, "coverage" + at), 1),
                         std::isfinite(number_at(metrics, "diversity" + at)) ? number(number_at(metrics, "diversity" + at), 3) : "–",
                         number(number_at(metrics, "gini" + at), 3), number(number_at(metrics, "novelty" + at), 1), slice("new_users"), slice("tail_items")});
  }
  if (chart.rows.empty()) return {};
  return figure(interval_chart(chart), caption, main.html()) + more.html();
}

std::string item_text(const Json& item) {
  const auto name = item.value("name", ""), id = item.value("item", "");
  return shop_text(name) + (name == id ? "" : " <span class=\"why\">" + shop_text(id) + "</span>");
}

}  // namespace

std::string quality_section(const Json& report) {
  if (!report.contains("quality")) return {};
  const auto& quality = report["quality"];
  const auto at = "@" + std::to_string(quality.value("at", 10));
  const std::string who = report["log"].value("people_are", "") == "sessions" ? "session" : "customer";
  std::string text;
  const auto fresh = protocol_html(quality, "new_items", "Products new to the " + who + ": what of them they took later");
  const auto all = protocol_html(quality, "all_items", "All later products, those taken before included");
  if (fresh.empty() && all.empty())
    return section("quality", "How well the answers fit", "<p>The log knows nobody who came back in its last part, so there is nothing to measure on.</p>");

  text += quality["split"] == "time" ? "<p>The models were fitted on what happened until " + escaped(quality.value("trained_until", "")) + " and asked what each " + who + " would take from " +
                                           escaped(quality.value("tested_from", "")) + " on, the last fifth of the log. They never saw that part; every product was ranked.</p>"
                                     : "<p>The log has no times to part it by, so each " + who + "’s last event was held out and asked for; every product was ranked.</p>";
  // The blend, which answers customers where there is one, or else the best model, against popular, in one sentence.
  const Json *best = nullptr, *popular = nullptr;
  for (const auto& model : quality["models"]) {
    if (!model.contains("new_items")) continue;
    if (model["name"] == "popular") popular = &model;
    else if (best != nullptr && (*best)["name"] == "blend") continue;
    else if (best == nullptr || model["name"] == "blend" || number_at(model["new_items"]["metrics"], "ndcg" + at) > number_at((*best)["new_items"]["metrics"], "ndcg" + at)) best = &model;
  }
  if (best != nullptr && popular != nullptr) {
    const auto &ours = (*best)["new_items"], &theirs = (*popular)["new_items"];
    const double mine = number_at(ours["metrics"], "ndcg" + at), base = number_at(theirs["metrics"], "ndcg" + at);
    const bool apart = ours["interval"]["ndcg" + at][0].get<double>() > theirs["interval"]["ndcg" + at][1].get<double>();
    const auto name = "<b>" + escaped((*best)["name"].get<std::string>()) + "</b>";
    if (mine <= base)
      text += "<p>For products new to the " + who + " " + name + " does no better here than showing everybody the best-sellers.</p>";
    else
      text += "<p>For products new to the " + who + " " + name + (base > 0 ? " reaches " + number(mine / base, 1) + " times the score of" : " is better than") + " showing everybody the best-sellers" +
              (apart ? ", and the two intervals do not overlap: the difference is no accident of who was asked.</p>"
                     : "; the two intervals overlap, so see the difference in the table: it compares the same " + who + "s.</p>");
  }
  text += fresh + all;
  if (quality.contains("not_measured"))
    for (const auto& why : quality["not_measured"]) text += "<p class=\"soft\">Not measured: " + escaped(why.get<std::string>()) + "</p>";
  const auto people = quality["models"].front().value("new_items", quality["models"].front().value("all_items", Json::object()));
  text += "<p class=\"soft\">" + grouped(people.value("people", std::uint64_t{0})) + " " + who + "s asked";
  if (quality.value("people_with_test", std::uint64_t{0}) > 3'000) text += ", evenly spaced among " + grouped(quality["people_with_test"].get<std::uint64_t>());
  if (quality.value("every", 1) > 1) text += "; to keep the report quick, one " + who + " in " + std::to_string(quality["every"].get<int>()) + " was used for fitting and measuring here (the published models use everybody)";
  text += ". NDCG" + at + " is 1 when all that a " + who + " took later leads a list of " + std::to_string(quality.value("at", 10)) +
          ", 0 when nothing of it is there. Intervals: 95&#160;%, drawing the " + who + "s anew 1,000 times; above popular: the mean difference for the same " + who + "s. "
          "Coverage: share of the catalogue in anybody’s list; Gini: 0 when all products are shown alike, near 1 when few take all. " +
          (quality.value("diversity_by", "") == "category" ? "Diversity: share of a list’s pairs in different categories. "
                                                           : "Diversity: 1 when no two products of a list share " + who + "s, 0 when they share all. ") +
          "Novelty: doublings of rarity. New customers: NDCG of those with at most 5 products before; tail products: NDCG when only the " +
          grouped(quality.value("tail_items", std::uint64_t{0})) + " products outside the head (80&#160;% of what was taken) count.</p>";
  return section("quality", "How well the answers fit", text);
}

std::string customers_section(const Json& report) {
  if (!report.contains("customers") || report["customers"].empty()) return {};
  std::string text = "<p class=\"soft\">The request’s time is that of the log’s last event. These are real customers: keep this page inside the shop.</p>";
  for (const auto& customer : report["customers"]) {
    text += "<h3>" + shop_text(customer["person"].get<std::string>()) + " <span class=\"soft\">a customer with " + escaped(customer["what"].get<std::string>()) + ", " +
            grouped(customer["events"].get<std::uint64_t>()) + (customer["events"] == 1 ? " event" : " events") + " in all</span></h3>";
    HtmlTable history{.head = {"last", "", "before"}, .right = {false, true, false}};
    for (const auto& event : customer["history"]) {
      auto kind = event["kind"].get<std::string>();
      std::replace(kind.begin(), kind.end(), '_', ' ');
      history.rows.push_back({"<span class=\"why\"><span class=\"k\">" + escaped(event["date"].get<std::string>()) + "</span><br/>" + escaped(kind) + "</span>",
                              number(event["quantity"].get<double>(), 0) + "&#160;×", item_text(event)});
    }
    HtmlTable answers{.head = {"", "recommended", "why"}, .right = {true, false, false}};
    std::size_t place = 0;
    for (const auto& answer : customer["answers"]) answers.rows.push_back({std::to_string(++place), item_text(answer), "<span class=\"why\">" + shop_text(answer.value("why", "")) + "</span>"});
    text += "<div class=\"cards\">" + history.html() + "<div>" + answers.html() + "<p class=\"soft\">answered by: " + escaped(customer["policy"].get<std::string>()) + "</p></div></div>\n";
  }
  return section("customers", "Customers and their answers", text);
}

std::string items_section(const Json& report) {
  const auto cards = [&](const char* key, const std::string& title) {
    if (!report.contains(key) || report[key].empty()) return std::string();
    std::string text = "<h3>" + title + "</h3><div class=\"cards three\">";
    for (const auto& seed : report[key]) {
      HtmlTable table{.head = {item_text(seed)}, .right = {false}};
      for (const auto& answer : seed["answers"]) table.rows.push_back({item_text(answer)});
      text += table.html();
    }
    return text + "</div>\n";
  };
  const auto text = cards("similar", "Similar to the best-sellers") + cards("together", "Bought together with the best-sellers");
  return text.empty() ? std::string() : section("items", "Products beside products", text);
}

}  // namespace pannier::cli
