/// What the ranking of together finds on real orders: the last item of a basket, from the others of it. The figures of docs/benchmarks.md.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/cf/together.hpp"
#include "support/catch.hpp"
#include "support/published_data.hpp"

using namespace pannier;
using support::data_folder;
using support::present;

namespace {

using Basket = std::vector<std::uint32_t>;

/// Baskets in time, and how many of them train.
struct Orders {
  std::vector<Basket> baskets;
  std::size_t train = 0;
  std::uint32_t items = 0;
};

/// Calls line(fields) for every line but the first.
void read_lines(const std::filesystem::path& file, char separator, const std::function<void(const std::vector<std::string_view>&)>& line) {
  const auto text = support::text_of(file);
  const std::string_view all = text;
  std::vector<std::string_view> fields;
  for (std::size_t begin = all.find('\n') + 1; begin < all.size();) {
    const auto end = std::min(all.find('\n', begin), all.size());
    fields.clear();
    for (std::size_t at = begin; at <= end;) {
      const auto stop = std::min(all.find(separator, at), end);
      fields.push_back(all.substr(at, stop - at));
      at = stop + 1;
    }
    line(fields);
    begin = end + 1;
  }
}

class Collector {
 public:
  void add(const std::string& basket, const std::string& time, const std::string& item) {
    const auto [known, fresh] = numbers_.try_emplace(basket, baskets_.size());
    if (fresh) baskets_.push_back({time, {}});
    auto& items = baskets_[known->second].second;
    const auto number = static_cast<std::uint32_t>(items_.try_emplace(item, items_.size()).first->second);
    if (std::find(items.begin(), items.end(), number) == items.end()) items.push_back(number);
  }
  Orders take(const std::function<bool(const std::string& time, std::size_t place)>& trains) {
    // In order of time, ties as they came.
    std::vector<std::size_t> order(baskets_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
      return baskets_[a].first != baskets_[b].first ? baskets_[a].first < baskets_[b].first : a < b;
    });
    auto unsorted = std::move(baskets_);
    baskets_.clear();
    for (const auto i : order) baskets_.push_back(std::move(unsorted[i]));
    Orders out;
    out.items = static_cast<std::uint32_t>(items_.size());
    for (auto& [time, basket] : baskets_) {
      if (trains(time, out.baskets.size())) ++out.train;
      out.baskets.push_back(std::move(basket));
    }
    return out;
  }

 private:
  std::map<std::string, std::size_t> numbers_, items_;
  std::vector<std::pair<std::string, Basket>> baskets_;
};

/// A customer's or nobody's orders of a year, without cancellations and service codes; those before 2010-09-10 train.
Orders retail(const std::filesystem::path& folder) {
  Collector collector;
  read_lines(folder / "uci-online-retail-ii-2009-2010/online_retail_2009_2010.tsv.gz", '\t', [&](const auto& fields) {
    // invoice, stock_code, description, quantity, invoice_date
    std::string code(fields[1]);
    code.erase(std::remove_if(code.begin(), code.end(), [](unsigned char c) { return std::isspace(c) != 0; }), code.end());
    for (auto& c : code) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const bool product = code.size() >= 5 && std::all_of(code.begin(), code.begin() + 5, [](unsigned char c) { return std::isdigit(c) != 0; });
    if (!product || fields[0].starts_with('C') || std::strtod(std::string(fields[3]).c_str(), nullptr) <= 0) return;
    collector.add(std::string(fields[0]), std::string(fields[4]), code);
  });
  return collector.take([](const std::string& time, std::size_t) { return time < "2010-09-10"; });
}

/// A grocer's month without times or people; the first 8,000 baskets train.
Orders groceries(const std::filesystem::path& folder) {
  Collector collector;
  read_lines(folder / "groceries-baskets/baskets.csv.gz", ',', [&](const auto& fields) { collector.add(std::string(fields[0]), "", std::string(fields[1])); });
  return collector.take([](const std::string&, std::size_t place) { return place < 8000; });
}

Csr matrix_of(const Orders& orders) {
  Csr out;
  out.cols = orders.items;
  for (std::size_t b = 0; b < orders.train; ++b) {
    auto basket = orders.baskets[b];
    std::sort(basket.begin(), basket.end());
    out.columns.insert(out.columns.end(), basket.begin(), basket.end());
    out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
  }
  out.rows = out.offsets.size() - 1;
  out.values.assign(out.columns.size(), 1.0f);
  return out;
}

using Dense = std::vector<std::vector<float>>;   ///< [asked][offered]

struct Found {
  double hit_rate = 0, margin = 0, popularity = 0;   ///< Margin: half of a 95 % interval. Popularity: mean share of baskets of what is shown.
  std::size_t tests = 0;
};

/// Ten items by the sum over the cart; ties by index.
Found holdout(const Orders& orders, const Dense& scores) {
  std::vector<double> share(orders.items);
  for (std::size_t b = 0; b < orders.train; ++b)
    for (const auto item : orders.baskets[b]) share[item] += 1.0 / static_cast<double>(orders.train);
  Found out;
  double hits = 0, shown = 0, popularity = 0;
  std::vector<float> sums(orders.items);
  TopK top;
  std::vector<Scored> best(10);
  for (auto b = orders.train; b < orders.baskets.size(); ++b) {
    Basket known;
    for (const auto item : orders.baskets[b])
      if (share[item] > 0) known.push_back(item);
    if (known.size() < 2) continue;
    ++out.tests;
    std::fill(sums.begin(), sums.end(), 0.0f);
    for (std::size_t n = 0; n + 1 < known.size(); ++n)
      for (std::uint32_t j = 0; j < orders.items; ++j) sums[j] += scores[known[n]][j];
    for (std::size_t n = 0; n + 1 < known.size(); ++n) sums[known[n]] = 0;
    top.reset(10);
    for (std::uint32_t j = 0; j < orders.items; ++j)
      if (sums[j] > 0) top.push(ItemIndex{j}, sums[j]);
    const auto count = top.finish(best);
    for (std::size_t n = 0; n < count; ++n) {
      hits += value(best[n].item) == known.back() ? 1 : 0;
      popularity += share[value(best[n].item)];
      ++shown;
    }
  }
  const auto tests = static_cast<double>(out.tests);
  out.hit_rate = hits / tests;
  out.margin = 1.96 * std::sqrt(out.hit_rate * (1 - out.hit_rate) / tests);
  out.popularity = popularity / std::max(1.0, shown);
  return out;
}

std::map<std::string, Found> compare(const Orders& orders) {
  const auto baskets = matrix_of(orders);
  std::vector<double> count(orders.items);
  Dense both(orders.items, std::vector<float>(orders.items));
  for (std::size_t b = 0; b < orders.train; ++b)
    for (const auto i : orders.baskets[b]) {
      ++count[i];
      for (const auto j : orders.baskets[b])
        if (i != j) ++both[i][j];
    }
  const auto ranked = [&](const std::function<double(double both, double one, double other)>& score) {
    auto scores = both;
    for (std::uint32_t i = 0; i < orders.items; ++i)
      for (std::uint32_t j = 0; j < orders.items; ++j)
        if (scores[i][j] > 0) scores[i][j] = static_cast<float>(score(static_cast<double>(scores[i][j]), count[i], count[j]));
    return holdout(orders, scores);
  };
  std::map<std::string, Found> out;
  out["confidence"] = ranked([](double n, double one, double) { return n / one; });
  out["cosine"] = ranked([](double n, double one, double other) { return n / std::sqrt(one * other); });
  out["lift"] = ranked([](double n, double one, double other) { return n / (one * other); });
  Dense evidence(orders.items, std::vector<float>(orders.items));
  const auto fit = cf::fit_together(baskets, {}, {});
  const auto rows = fit.model->evidence();
  for (std::size_t i = 0; i < rows.rows; ++i)
    for (std::size_t n = 0; n < rows.row_columns(i).size(); ++n) evidence[i][rows.row_columns(i)[n]] = rows.row_values(i)[n];
  out["together"] = holdout(orders, evidence);
  for (const auto& [name, found] : out)
    WARN(name << ": hit rate@10 " << found.hit_rate << " +- " << found.margin << ", mean popularity " << found.popularity << ", " << found.tests << " baskets");
  WARN(fit.report.detail << ", " << fit.report.seconds << " s");
  return out;
}

}  // namespace

TEST_CASE("together: finds the last item of a wholesaler's order more often than confidence, cosine or lift", "[cf][together][slow]") {
  if (!present("uci-online-retail-ii-2009-2010")) return;
  const auto found = compare(retail(data_folder()));
  const auto& ours = found.at("together");
  for (const auto* other : {"confidence", "cosine", "lift"}) CHECK(ours.hit_rate > found.at(other).hit_rate + found.at(other).margin);
}

TEST_CASE("together: at a grocer's, shows less of what everybody buys than confidence and finds far more than lift", "[cf][together][slow]") {
  if (!present("groceries-baskets")) return;
  const auto found = compare(groceries(data_folder()));
  const auto& ours = found.at("together");
  CHECK(ours.popularity < found.at("confidence").popularity);
  CHECK(ours.hit_rate > found.at("lift").hit_rate + 3 * found.at("lift").margin);
}
