/// What the files about models of the Python module share: matrices that SciPy holds, models, and what goes out as arrays.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "bind.hpp"
#include "pannier/core/item_set.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::python {

/// A borrowed CSR matrix: the arrays that SciPy holds, or widened copies.
struct CsrArrays {
  std::size_t cols;
  Array<std::int64_t> offsets;
  Array<std::uint32_t> columns;
  Array<float> values;

  [[nodiscard]] CsrView view() const {
    return {.rows = offsets.size() == 0 ? 0 : static_cast<std::size_t>(offsets.size()) - 1,
            .cols = cols,
            .offsets = elements(offsets),
            .columns = elements(columns),
            .values = elements(values)};
  }
};

/// A fitted model; one that was loaded from bytes keeps them.
struct Model {
  py::object keeper;
  std::shared_ptr<const model::Recommender> value;
};

/// A set of columns, where they are given. Errors: invalid_argument (a column out of range).
inline std::optional<ItemSet> to_allowed(const std::optional<Array<std::uint32_t>>& allowed, std::uint32_t item_count) {
  if (!allowed) return std::nullopt;
  ItemSet set(item_count);
  for (const auto column : elements(*allowed)) {
    if (column >= item_count)
      throw Error(ErrorCode::invalid_argument, "items", "has " + std::to_string(column),
                  "columns below " + std::to_string(item_count));
    set.insert(ItemIndex{column});
  }
  return set;
}

/// Arrays (rows, count) of columns (-1 pads: no_item read as int32) and of scores, filled by body(items, scores) with the interpreter unlocked.
template <class Body>
py::tuple ranked(std::size_t rows, std::uint32_t count, const Body& body) {
  static_assert(static_cast<std::int32_t>(value(no_item)) == -1);
  Array<std::int32_t> items({rows, std::size_t{count}});
  Array<float> scores({rows, std::size_t{count}});
  const std::span out_items(reinterpret_cast<ItemIndex*>(items.mutable_data()), rows * count);
  const std::span out_scores(scores.mutable_data(), rows * count);
  {
    const py::gil_scoped_release unlocked;
    body(out_items, out_scores);
  }
  return py::make_tuple(std::move(items), std::move(scores));
}

/// A matrix that Python sees without a copy and cannot write; `keeper` holds its memory.
inline py::array read_only(const MatrixView& matrix, const py::object& keeper) {
  py::array view(py::dtype::of<float>(), {matrix.rows, matrix.cols}, {matrix.stride * sizeof(float), sizeof(float)},
                 matrix.data, keeper);
  view.attr("setflags")(py::arg("write") = false);
  return view;
}

/// A fit's report as a dict.
inline py::dict to_dict(const FitReport& told) {
  py::dict report;
  report["seconds"] = told.seconds;
  report["epochs"] = told.epochs;
  report["converged"] = told.converged;
  py::list objective;
  for (const auto loss : told.objective) objective.append(loss);
  report["objective"] = objective;
  report["detail"] = to_str(told.detail);
  return report;
}

}  // namespace pannier::python
