/// The fitted model.
#include "pannier/cf/ials.hpp"

#include <algorithm>

#include "cf/by_vector.hpp"
#include "cf/ials_answers.hpp"
#include "cf/ials_model.hpp"
#include "pannier/core/error.hpp"

namespace pannier::cf {
namespace {

class Model final : public IalsAnswers<IalsModel> {
 public:
  using IalsAnswers::IalsAnswers;
  std::string_view kind() const noexcept override { return "ials"; }
  std::string config_json() const override { return to_json(config()); }
};

}  // namespace

std::shared_ptr<const IalsModel> make_ials_model(const IalsConfig& config, std::shared_ptr<IalsStorage> storage) {
  storage->norms.resize(storage->vectors.rows());
  for (std::size_t i = 0; i < storage->norms.size(); ++i) storage->norms[i] = by_vector::norm_of(storage->vectors.row(i));
  const auto& arrays = *storage;
  return std::make_shared<Model>(config, arrays.vectors, arrays.fold_in, arrays.norms, arrays.diagonal, std::move(storage));
}

std::shared_ptr<const IalsModel> with_vectors(const IalsModel& model, const std::function<void(std::size_t item, std::span<float> vector, std::span<float> fold_in)>& change) {
  const auto* const own = dynamic_cast<const Model*>(&model);
  if (own == nullptr) throw Error(ErrorCode::invalid_argument, "model", "is not a model of fit_ials() or read_ials()", "one of those");
  const auto vectors = own->item_vectors(), fold_in = own->fold_in_vectors();
  auto storage = std::make_shared<IalsStorage>();
  storage->vectors = Matrix(vectors.rows, vectors.cols);
  storage->fold_in = Matrix(vectors.rows, vectors.cols);
  storage->diagonal.assign(own->diagonal().begin(), own->diagonal().end());
  for (std::size_t i = 0; i < vectors.rows; ++i) {
    std::ranges::copy(vectors.row(i), storage->vectors.row(i).begin());
    std::ranges::copy(fold_in.row(i), storage->fold_in.row(i).begin());
    change(i, storage->vectors.row(i), storage->fold_in.row(i));
  }
  return make_ials_model(own->config(), std::move(storage));
}

std::shared_ptr<const IalsModel> read_ials(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<IalsConfig>(reader.config_json(), "ials");
  const auto arrays = read_ials_arrays(reader, item_count, static_cast<std::size_t>(config.factors));
  return std::make_shared<Model>(config, arrays.vectors, arrays.fold_in, arrays.norms, arrays.diagonal, reader.keeper());
}

}  // namespace pannier::cf
