/// The fitted model.
#include "pannier/cf/hybrid.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cf/by_vector.hpp"
#include "cf/hybrid_model.hpp"
#include "cf/ials_answers.hpp"
#include "pannier/core/error.hpp"

namespace pannier::cf {
namespace {

struct Maps {
  FeatureMapView items, fold_in_items, users;
};

FeatureMapView view_of(const FeatureMap& map) { return {map.weights, map.mean}; }

class Model final : public IalsAnswers<HybridModel> {
 public:
  Model(const HybridConfig& config, const IalsArrays& arrays, const Maps& maps, data::FeatureSpace items, data::FeatureSpace users, std::shared_ptr<const void> keeper)
      : IalsAnswers(ials_config(config), arrays.vectors, arrays.fold_in, arrays.norms, arrays.diagonal, std::move(keeper)),
        hybrid_config_(config), maps_(maps), item_space_(std::move(items)), user_space_(std::move(users)) {}

  std::string_view kind() const noexcept override { return "hybrid"; }
  std::string config_json() const override { return to_json(hybrid_config_); }
  const HybridConfig& hybrid_config() const noexcept override { return hybrid_config_; }
  FeatureMapView item_map() const noexcept override { return maps_.items; }
  FeatureMapView fold_in_item_map() const noexcept override { return maps_.fold_in_items; }
  FeatureMapView user_map() const noexcept override { return maps_.users; }
  const data::FeatureSpace& item_space() const noexcept override { return item_space_; }
  const data::FeatureSpace& user_space() const noexcept override { return user_space_; }
  bool reads_attributes() const noexcept override { return draws(); }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    IalsAnswers::write(writer, order);
    const std::array<std::uint64_t, 2> features{maps_.items.weights.rows, maps_.users.weights.rows};
    writer.array<std::uint64_t>("feature_counts", features);
    write_map(writer, "item", maps_.items);
    write_map(writer, "fold_in_item", maps_.fold_in_items);
    write_map(writer, "user", maps_.users);
    for (const auto& [name, space] : {std::pair{"item_space", &item_space_}, std::pair{"user_space", &user_space_}}) {
      const auto json = space->to_json();
      writer.section(name, std::as_bytes(std::span(json)));
    }
  }

 protected:
  bool draws() const noexcept override { return !maps_.users.mean.empty(); }
  bool add_drawn(const model::History& history, double ridge, model::Workspace& workspace, double* linear) const override {
    const auto& map = maps_.users;
    for (std::size_t k = 0; k < map.mean.size(); ++k) linear[k] += ridge * static_cast<double>(map.mean[k]);
    const auto add = [&](std::span<const std::uint32_t> columns, std::span<const float> values) {
      bool any = false;
      for (std::size_t n = 0; n < columns.size(); ++n) {
        if (columns[n] >= map.weights.rows)
          throw Error(ErrorCode::invalid_argument, "history.feature_columns", "feature " + std::to_string(columns[n]), "features below " + std::to_string(map.weights.rows));
        any |= values[n] > 0;
        const auto weights = map.weights.row(columns[n]);
        for (std::size_t k = 0; k < weights.size(); ++k) linear[k] += ridge * static_cast<double>(values[n]) * static_cast<double>(weights[k]);
      }
      return any;
    };
    bool known = add(history.feature_columns, history.feature_values);
    if (!history.attributes.empty() && user_space_.size() != 0) {
      static_cast<void>(user_space_.encode(history.attributes, workspace.features));
      known |= add(workspace.features.columns, workspace.features.values);
    }
    return known;
  }

 private:
  static void write_map(model::SectionWriter& writer, const std::string& name, const FeatureMapView& map) {
    std::vector<float> rows(map.weights.rows * map.weights.stride, 0.0f);
    for (std::size_t r = 0; r < map.weights.rows; ++r) std::ranges::copy(map.weights.row(r), rows.begin() + static_cast<std::ptrdiff_t>(r * map.weights.stride));
    writer.array<float>(name + "_features", rows);
    writer.array<float>(name + "_mean", map.mean);
  }

  HybridConfig hybrid_config_;
  Maps maps_;
  data::FeatureSpace item_space_, user_space_;
};

FeatureMapView read_map(const model::SectionReader& reader, const std::string& name, std::uint64_t features, std::size_t factors) {
  const std::size_t stride = round_up(factors, 16);
  if (features > (std::uint64_t{1} << 40) / stride)
    throw Error(ErrorCode::malformed_input, "feature_counts", "tells of " + std::to_string(features) + " features", "as many as the sections hold");
  const auto rows = reader.array<float>(name + "_features", features * stride);
  return {{rows.data(), static_cast<std::size_t>(features), factors, stride}, reader.array<float>(name + "_mean", features == 0 ? 0 : factors)};
}

}  // namespace

IalsConfig ials_config(const HybridConfig& config) noexcept {
  return {.factors = config.factors, .unobserved_weight = config.unobserved_weight, .l2 = config.l2, .frequency_exponent = config.frequency_exponent, .epochs = config.epochs, .solver = config.solver, .seed = config.seed};
}

std::shared_ptr<const HybridModel> make_hybrid_model(const HybridConfig& config, std::shared_ptr<HybridStorage> storage) {
  auto& arrays = storage->vectors;
  arrays.norms.resize(arrays.vectors.rows());
  for (std::size_t i = 0; i < arrays.norms.size(); ++i) arrays.norms[i] = by_vector::norm_of(arrays.vectors.row(i));
  const IalsArrays views{arrays.vectors, arrays.fold_in, arrays.norms, arrays.diagonal};
  const Maps maps{view_of(storage->items), view_of(storage->fold_in_items), view_of(storage->users)};
  return std::make_shared<Model>(config, views, maps, std::move(storage->item_space), std::move(storage->user_space), storage);
}

std::shared_ptr<const HybridModel> read_hybrid(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<HybridConfig>(reader.config_json(), "hybrid");
  const auto factors = static_cast<std::size_t>(config.factors);
  const auto arrays = read_ials_arrays(reader, item_count, factors);
  const auto counts = reader.array<std::uint64_t>("feature_counts", 2);
  const Maps maps{read_map(reader, "item", counts[0], factors), read_map(reader, "fold_in_item", counts[0], factors), read_map(reader, "user", counts[1], factors)};
  const auto space = [&](const char* name, std::uint64_t features) {
    const auto bytes = reader.section(name);
    auto out = data::FeatureSpace::from_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name);
    if (out.size() != 0 && out.size() != features)
      throw Error(ErrorCode::malformed_input, name, "has " + std::to_string(out.size()) + " features", "as many as its weights, " + std::to_string(features));
    return out;
  };
  auto items = space("item_space", counts[0]), users = space("user_space", counts[1]);
  return std::make_shared<Model>(config, arrays, maps, std::move(items), std::move(users), reader.keeper());
}

}  // namespace pannier::cf
