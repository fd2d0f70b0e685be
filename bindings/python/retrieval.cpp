// The exact index over vectors of the caller's own.
#include <pybind11/stl.h>

#include <optional>
#include <vector>

#include "bind.hpp"
#include "pannier/retrieval/norm_index.hpp"

namespace pannier::python {
namespace {

using retrieval::NormIndex;

MatrixView rows_of(const Array<float>& array) {
  const auto rows = static_cast<std::size_t>(array.shape(0)), cols = static_cast<std::size_t>(array.shape(1));
  return {.data = array.data(), .rows = rows, .cols = cols, .stride = cols};
}

NormIndex build(const Array<float>& vectors, const std::optional<Array<float>>& bias, int threads) {
  const auto view = rows_of(vectors);
  const auto biases = bias ? elements(*bias) : std::span<const float>();
  const py::gil_scoped_release unlocked;
  return NormIndex(view, biases, {.threads = threads});
}

/// Arrays (rows, count) of items (-1 pads: no_item read as int32) and scores.
py::tuple search(const NormIndex& index, const Array<float>& queries, std::uint32_t count, const std::optional<Array<bool>>& allowed, int threads) {
  const auto view = rows_of(queries);
  Array<std::int32_t> items({view.rows, std::size_t{count}});
  Array<float> scores({view.rows, std::size_t{count}});
  const std::span out_items(reinterpret_cast<ItemIndex*>(items.mutable_data()), view.rows * count);
  const std::span out_scores(scores.mutable_data(), view.rows * count);
  const std::span flags(allowed ? reinterpret_cast<const std::uint8_t*>(allowed->data()) : nullptr, allowed ? static_cast<std::size_t>(allowed->size()) : 0);
  {
    const py::gil_scoped_release unlocked;
    const auto set = allowed ? std::optional(ItemSet::of_flags(flags)) : std::nullopt;
    index.search_batch(view, {.count = count, .allowed = set ? &*set : nullptr}, {.threads = threads}, out_items, out_scores);
  }
  return py::make_tuple(std::move(items), std::move(scores));
}

}  // namespace

void bind_retrieval(py::module_& module) {
  py::class_<NormIndex>(module, "NormIndex")
      .def(py::init(&build), py::arg("vectors").noconvert(), py::arg("bias").noconvert(), py::arg("threads"))
      .def_property_readonly("item_count", &NormIndex::item_count)
      .def_property_readonly("query_size", &NormIndex::query_size)
      .def_property_readonly("bytes", &NormIndex::bytes)
      .def("search", &search, py::arg("queries").noconvert(), py::arg("count"), py::arg("allowed").noconvert(), py::arg("threads"));
}

}  // namespace pannier::python
