/// The fitted model: a person's system, and reading.
#include "pannier/cf/bpr.hpp"

#include <string>
#include <utility>

#include "cf/bpr_model.hpp"
#include "cf/fold_in_model.hpp"

namespace pannier::cf {
namespace {

class Model final : public FoldInModel<BprModel> {
 public:
  Model(const BprConfig& config, const FoldInArrays& arrays, std::shared_ptr<const void> keeper)
      : FoldInModel(arrays, static_cast<double>(config.fold_in_unobserved), std::move(keeper)), config_(config) {}

  const BprConfig& config() const noexcept override { return config_; }
  std::string_view kind() const noexcept override { return "bpr"; }
  std::string config_json() const override { return to_json(config_); }

 private:
  /// They become shares of the history's.
  void prepare(std::span<float> weights) const override {
    double sum = 0;
    for (const float weight : weights) sum += static_cast<double>(weight);
    for (float& weight : weights) weight = static_cast<float>(static_cast<double>(weight) / sum);
  }

  Person person(const Evidence& evidence, const model::History& /*history*/, model::Workspace& workspace) const override {
    const auto& fold_in = fold_in_matrix();
    const std::size_t needed = round_up(ials_scratch_size<double>(evidence.items.size(), fold_in.cols), 8);
    double* const scratch = aligned_scratch(workspace.doubles, needed + fold_in.cols);
    return {{fold_in.data, fold_in.stride, fold_in.cols, shared(), static_cast<double>(config_.fold_in_l2), evidence.items, evidence.weights}, scratch, scratch + needed, !evidence.items.empty()};
  }

  BprConfig config_;
};

}  // namespace

std::shared_ptr<const BprModel> make_bpr_model(const BprConfig& config, std::shared_ptr<BprStorage> storage) {
  storage->norms.resize(storage->vectors.rows());
  for (std::size_t i = 0; i < storage->norms.size(); ++i) storage->norms[i] = by_vector::norm_of(storage->vectors.row(i));
  const auto& arrays = *storage;
  return std::make_shared<Model>(config, FoldInArrays{arrays.vectors, arrays.fold_in, arrays.norms, arrays.diagonal}, std::move(storage));
}

std::shared_ptr<const BprModel> read_bpr(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<BprConfig>(reader.config_json(), "bpr");
  return std::make_shared<Model>(config, read_fold_in_arrays(reader, item_count, static_cast<std::size_t>(config.factors)), reader.keeper());
}

}  // namespace pannier::cf
