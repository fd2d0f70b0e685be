#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cf/graph_filter_model.hpp"
#include "cf/neighbour_lists.hpp"
#include "cf/singular.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/top_k.hpp"
#include "pannier/data/co_occurrence.hpp"

namespace pannier::cf {
namespace {

[[noreturn]] void overflows(const std::string& what) { throw Error(ErrorCode::numerical_failure, "graph_filter", what + " overflows"); }

/// Powers of the sums of columns; 0 where nobody has the item.
std::vector<double> powers(const std::vector<double>& masses, double exponent) {
  std::vector<double> out;
  out.reserve(masses.size());
  for (const auto mass : masses) out.push_back(mass > 0 ? std::pow(mass, exponent) : 0);
  return out;
}

/// R: weights over the powers of their row's and column's sum.
std::vector<float> normalised(const CsrView& events, const std::vector<double>& item_masses, const GraphFilterConfig& config) {
  std::vector<float> out(events.nonzeros());
  const auto of_items = powers(item_masses, static_cast<double>(config.item_exponent));
  for (std::size_t u = 0; u < events.rows; ++u) {
    const auto columns = events.row_columns(u);
    const auto weights = events.row_values(u);
    double mass = 0;
    for (const float x : weights) mass += static_cast<double>(x);
    const auto of_user = mass > 0 ? std::pow(mass, static_cast<double>(config.user_exponent)) : 1;
    for (std::size_t n = 0; n < weights.size(); ++n) {
      if (!(weights[n] > 0)) continue;
      auto& r = out[static_cast<std::size_t>(events.offsets[u]) + n];
      r = static_cast<float>(static_cast<double>(weights[n]) / (of_user * of_items[columns[n]]));
      if (!std::isfinite(r)) overflows("the weight of row " + std::to_string(u) + " and item " + std::to_string(columns[n]));
    }
  }
  return out;
}

/// P by columns: row j holds what j is given, the diagonal apart.
struct Graph {
  Csr columns;
  std::vector<float> diagonal;
};

/// once P + twice P^2 without its diagonal, `neighbours` entries of each column, the largest by size.
Csr two_steps(const Graph& graph, float once, float twice, std::size_t neighbours, const FitControl& control) {
  const auto items = graph.columns.rows;
  const CsrView p = graph.columns;
  struct Worker {
    std::vector<float> sums;
    std::vector<char> met;
    std::vector<std::uint32_t> touched;
    TopK top;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(resolved_threads(control.execution)));
  std::vector<std::vector<Scored>> lists(items);
  std::mutex reporting;
  std::size_t done = 0;
  parallel_blocks_with_worker(control.execution, items, 64, [&](std::size_t begin, std::size_t end, std::size_t, int number) {
    auto& w = workers[static_cast<std::size_t>(number)];
    w.sums.resize(items, 0.0f);
    w.met.resize(items, 0);
    const auto add = [&](std::uint32_t item, float term) {
      if (w.met[item] == 0) {
        w.met[item] = 1;
        w.touched.push_back(item);
      }
      w.sums[item] += term;
    };
    for (auto j = static_cast<std::uint32_t>(begin); j < end; ++j) {
      const auto step = [&](std::uint32_t k, float gives) {
        add(k, twice * gives * graph.diagonal[k]);
        const auto columns = p.row_columns(k);
        const auto values = p.row_values(k);
        for (std::size_t n = 0; n < columns.size(); ++n) add(columns[n], twice * gives * values[n]);
      };
      step(j, graph.diagonal[j]);
      for (std::size_t n = 0; n < p.row_columns(j).size(); ++n) {
        add(p.row_columns(j)[n], once * p.row_values(j)[n]);
        step(p.row_columns(j)[n], p.row_values(j)[n]);
      }
      w.top.reset(neighbours);
      for (const auto i : w.touched) {
        if (!std::isfinite(w.sums[i])) overflows("the second step from item " + std::to_string(i) + " to item " + std::to_string(j));
        if (i != j && w.sums[i] != 0) w.top.push(ItemIndex{i}, std::fabs(w.sums[i]));
      }
      const auto kept = w.top.kept();
      lists[j].assign(kept.begin(), kept.end());
      std::sort(lists[j].begin(), lists[j].end(), [](const Scored& a, const Scored& b) { return value(a.item) < value(b.item); });
      for (auto& scored : lists[j]) scored.score = w.sums[value(scored.item)];
      for (const auto i : w.touched) {
        w.sums[i] = 0;
        w.met[i] = 0;
      }
      w.touched.clear();
    }
    const std::scoped_lock lock(reporting);
    done += end - begin;
    checkpoint(control, "second step", done, items);
  });
  Csr out;
  out.rows = out.cols = items;
  for (auto& list : lists) {
    for (const auto& [item, score] : list) {
      out.columns.push_back(value(item));
      out.values.push_back(score);
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
    list = {};
  }
  return transpose(out);
}

struct Owned {
  Csr rows;
  std::vector<float> in, out;
};

}  // namespace

GraphFilterFit fit_graph_filter(const CsrView& events, const GraphFilterConfig& config, const FitControl& control) {
  validate(config);
  require_valid_weights(events, "events");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one column");
  const bool second = config.filter == GraphFilterKind::second_order;
  if (second && config.sharpening != 0)
    throw Error(ErrorCode::invalid_argument, "sharpening", "is " + std::to_string(config.sharpening) + " beside second_order, which takes a step back of its own", "0");
  const auto begin = std::chrono::steady_clock::now();

  std::vector<double> masses(events.cols, 0.0);
  for (std::size_t n = 0; n < events.nonzeros(); ++n) masses[events.columns[n]] += static_cast<double>(events.values[n]);
  const auto weights = normalised(events, masses, config);
  const CsrView by_user{events.rows, events.cols, events.offsets, events.columns, weights};
  const auto by_item = transpose(by_user);

  const auto neighbours = static_cast<std::size_t>(config.neighbours);
  const auto signal = powers(masses, static_cast<double>(config.signal_exponent));
  const auto power = static_cast<double>(config.power);
  const auto entry = [&](float sum) { return config.power == 1 ? static_cast<double>(sum) : std::pow(static_cast<double>(sum), power); };
  const auto owned = std::make_shared<Owned>();
  Graph graph;
  graph.diagonal.assign(events.cols, 0.0f);
  {
    NeighbourLists lists("graph_filter", events.cols, neighbours, true, config.signal_exponent == 0, control.execution);
    data::for_each_co_occurrence(by_user, by_item, control, [&](std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, int worker) {
      for (std::size_t n = 0; n < others.size(); ++n)
        if (others[n] == item) graph.diagonal[item] = static_cast<float>(entry(sums[n]));
      lists.select(item, others, sums, worker,
                   [&](std::uint32_t from, std::uint32_t to, float sum) { return static_cast<float>(entry(sum) * (signal[to] / signal[from])); });
    });
    owned->rows = lists.rows();
  }
  const bool sharpened = config.sharpening != 0;
  if (second || sharpened) {
    graph.columns = transpose(owned->rows);
    owned->rows = second ? two_steps(graph, 2, -1, neighbours, control) : two_steps(graph, 1, -config.sharpening, neighbours, control);
  }

  std::size_t vectors = 0;
  if (config.rank > 0) {
    const auto right = right_singular_vectors(by_user, by_item, static_cast<std::size_t>(config.rank), config.seed, control);
    vectors = right.cols();
    const auto item = powers(masses, static_cast<double>(config.item_exponent));
    Matrix out(events.cols, vectors);
    owned->in.assign(events.cols * vectors, 0.0f);
    for (std::size_t i = 0; i < events.cols; ++i)
      for (std::size_t k = 0; k < vectors && masses[i] > 0; ++k) {
        owned->in[i * vectors + k] = static_cast<float>(static_cast<double>(right.row(i)[k]) / item[i]);
        out.row(i)[k] = static_cast<float>(static_cast<double>(right.row(i)[k]) * item[i] * static_cast<double>(config.low_rank_weight));
      }
    if (sharpened) {
      const auto step = product(graph.columns, out, control);
      for (std::size_t i = 0; i < events.cols; ++i)
        for (std::size_t k = 0; k < vectors; ++k) out.row(i)[k] -= config.sharpening * (step.row(i)[k] + graph.diagonal[i] * out.row(i)[k]);
    }
    owned->out.reserve(owned->in.size());
    for (std::size_t i = 0; i < events.cols; ++i) owned->out.insert(owned->out.end(), out.row(i).begin(), out.row(i).end());
    const auto finite = [](float x) { return std::isfinite(x); };
    if (!std::all_of(owned->in.begin(), owned->in.end(), finite) || !std::all_of(owned->out.begin(), owned->out.end(), finite)) overflows("the low-pass part");
  }

  GraphFilterFit fit;
  fit.report.detail = std::to_string(owned->rows.columns.size()) + " entries kept" + (config.rank > 0 ? ", " + std::to_string(vectors) + " singular vectors" : "");
  fit.model = make_graph_filter(config,
                                {.rows = {owned->rows.offsets, owned->rows.columns, owned->rows.values},
                                 .in = {owned->in.data(), events.cols, vectors, vectors},
                                 .out = {owned->out.data(), events.cols, vectors, vectors}},
                                owned);
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

}  // namespace pannier::cf
