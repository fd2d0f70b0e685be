// Factorisations whose vectors the caller keeps, and similarities that are the caller's own: what pannier.compat is written on.
#include <pybind11/stl.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "models.hpp"
#include "pannier/cf/bpr.hpp"
#include "pannier/cf/ials.hpp"
#include "pannier/cf/ials_update.hpp"
#include "pannier/cf/item_knn.hpp"
#include "pannier/cf/rank_rows.hpp"
#include "pannier/core/config.hpp"

namespace pannier::python {
namespace {

/// Errors: invalid_argument (other than two dimensions).
MatrixView view_of(const Array<float>& rows, std::string_view name) {
  if (rows.ndim() != 2) throw Error(ErrorCode::invalid_argument, std::string(name), "has " + std::to_string(rows.ndim()) + " dimensions", "2");
  const auto cols = static_cast<std::size_t>(rows.shape(1));
  return {rows.data(), static_cast<std::size_t>(rows.shape(0)), cols, cols};
}

Array<float> copy_of(const MatrixView& matrix) {
  Array<float> out({matrix.rows, matrix.cols});
  for (std::size_t row = 0; row < matrix.rows; ++row) std::ranges::copy(matrix.row(row), out.mutable_data(static_cast<py::ssize_t>(row), 0));
  return out;
}

template <class T>
Array<T> copy_of(const std::vector<T>& values) {
  Array<T> out(std::vector<py::ssize_t>{static_cast<py::ssize_t>(values.size())});
  std::ranges::copy(values, out.mutable_data());
  return out;
}

/// The vectors of users and of items, and the report.
py::tuple fit_ials(const Array<float>& start, const CsrArrays& events, std::string_view config_json, int threads, py::object progress) {
  const auto config = from_json<cf::IalsConfig>(config_json, "ials");
  const auto from = view_of(start, "item_factors");
  LongCall call(threads, std::move(progress));
  const auto fit = call.run([&](const FitControl& control) { return cf::fit_ials_from(from, events.view(), config, control); });
  return py::make_tuple(copy_of(fit.user_factors), copy_of(fit.model->item_vectors()), to_dict(fit.report));
}

/// The vectors of users and of items, and how many pairs were in the right order and how many events without one.
py::tuple fit_bpr_rows(const Array<float>& users, const Array<float>& items, const CsrArrays& events, std::string_view config_json, int threads, py::object progress) {
  const auto config = from_json<cf::BprRowsConfig>(config_json, "bpr");
  const auto from_users = view_of(users, "user_factors"), from_items = view_of(items, "item_factors");
  LongCall call(threads, std::move(progress));
  const auto fit = call.run([&](const FitControl& control) { return cf::fit_bpr_rows(events.view(), from_users, from_items, config, control); });
  return py::make_tuple(copy_of(fit.users), copy_of(fit.items), fit.right, fit.skipped);
}

/// One side's vectors, against which rows of the other are solved.
class IalsSide {
 public:
  IalsSide(const Array<float>& vectors, std::string_view config_json, int threads)
      : update_(Matrix(0, view_of(vectors, "vectors").cols), view_of(vectors, "vectors"), from_json<cf::IalsConfig>(config_json, "ials"), {.execution = {.threads = threads}}) {}
  Array<float> solve(const CsrArrays& events, int threads) {
    Matrix rows;
    {
      const py::gil_scoped_release unlocked;
      const std::scoped_lock lock(solving_);  // An update is of one thread.
      rows = update_.user_rows(events.view(), {.execution = {.threads = threads}});
    }
    return copy_of(rows);
  }

 private:
  cf::IalsUpdate update_;
  std::mutex solving_;
};

/// Arrays (rows, count) of numbers of vectors (-1 pads) and of scores.
py::tuple rank_rows(const Array<float>& queries, const Array<float>& vectors, const CsrArrays* denied, const std::optional<Array<std::uint32_t>>& allowed, std::uint32_t count, int threads) {
  const auto asking = view_of(queries, "queries"), given = view_of(vectors, "vectors");
  const auto set = to_allowed(allowed, static_cast<std::uint32_t>(given.rows));
  const auto lists = denied == nullptr ? CsrView() : denied->view();
  const model::Ask ask{.count = count, .allowed = set ? &*set : nullptr, .exclude_history = false, .row_denied = denied == nullptr ? nullptr : &lists};
  return ranked(asking.rows, count, [&](std::span<ItemIndex> items, std::span<float> scores) { cf::rank_rows(asking, given, ask, {.threads = threads}, items, scores); });
}

/// The offsets, columns and values.
py::tuple largest_products(const CsrArrays& events, std::uint32_t count, int threads, py::object progress) {
  LongCall call(threads, std::move(progress));
  const auto kept = call.run([&](const FitControl& control) { return cf::largest_products(events.view(), count, control); });
  return py::make_tuple(copy_of(kept.offsets), copy_of(kept.columns), copy_of(kept.values));
}

Model item_knn_of(const CsrArrays& similarities) {
  const auto given = similarities.view();
  return {py::none(), cf::item_knn_of({given.rows, given.cols, {given.offsets.begin(), given.offsets.end()}, {given.columns.begin(), given.columns.end()}, {given.values.begin(), given.values.end()}})};
}

}  // namespace

void bind_factors(py::module_& module) {
  module.def("fit_ials_from", &fit_ials, py::arg("start").noconvert(), py::arg("events"), py::arg("config_json"), py::arg("threads"), py::arg("progress"));
  module.def("fit_bpr_rows", &fit_bpr_rows, py::arg("users").noconvert(), py::arg("items").noconvert(), py::arg("events"), py::arg("config_json"), py::arg("threads"), py::arg("progress"));
  py::class_<IalsSide>(module, "IalsSide")
      .def(py::init<const Array<float>&, std::string_view, int>(), py::arg("vectors").noconvert(), py::arg("config_json"), py::arg("threads"))
      .def("solve", &IalsSide::solve, py::arg("events"), py::arg("threads"));
  module.def("rank_rows", &rank_rows, py::arg("queries").noconvert(), py::arg("vectors").noconvert(), py::arg("denied"), py::arg("allowed").noconvert(), py::arg("count"), py::arg("threads"));
  module.def("largest_products", &largest_products, py::arg("events"), py::arg("count"), py::arg("threads"), py::arg("progress"));
  module.def("item_knn_of", &item_knn_of, py::arg("similarities"));
}

}  // namespace pannier::python
