#include "serve/train_vectors.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"

namespace pannier::serve {

TrainConfig with_vectors(TrainConfig config, bool given) {
  auto& models = config.models;
  const auto named = [&](std::string_view name) { return std::find_if(models.begin(), models.end(), [&](const ModelRequest& request) { return request.name == name; }); };
  const auto vectors = named("vectors");
  if (vectors != models.end() && !given)
    throw Error(ErrorCode::invalid_argument, "config.models[" + std::to_string(vectors - models.begin()) + "]", "is vectors, and no file of them is given", "--vectors FILE.npz, or other models");
  if (vectors == models.end() && given) models.insert(named("blend"), {"vectors", ""});
  return config;
}

VectorsRead count_vectors(const data::ItemVectors& vectors, const data::EventLog& log, std::uint32_t items_of_events) {
  VectorsRead report;
  std::vector<std::string_view> items;
  for (std::uint32_t i = 0; i < log.item_count(); ++i) items.push_back(log.item_id(ItemIndex{i}));
  report.read = vectors.ids.size();
  report.dimensions = vectors.vectors.cols();
  report.bias = !vectors.bias.empty();
  report.unknown_items = report.read;
  const auto rows = data::rows_of(vectors, items);
  for (std::uint32_t i = 0; i < items.size(); ++i) {
    const bool known = rows[i] != value(no_item);
    report.unknown_items -= known ? 1 : 0;
    if (i < items_of_events) report.items_without_vector += known ? 0 : 1;
    else report.without_events += known ? 1 : 0;
  }
  return report;
}

}  // namespace pannier::serve
