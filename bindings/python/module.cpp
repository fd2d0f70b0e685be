// The module pannier._pannier: what the Python package is written on. It adds no logic.
#include <new>

#include "bind.hpp"
#include "pannier/core/config.hpp"
#include "pannier/core/ids.hpp"
#include "pannier/core/time.hpp"
#include "pannier/core/version.hpp"

namespace pannier::python {
namespace {

void raise(ErrorCode code, std::string_view where, std::string_view what, std::string_view allowed) {
  try {
    const py::object error = py::module_::import("pannier._errors")
                                 .attr("of_code")(static_cast<int>(code), to_str(where), to_str(what), to_str(allowed));
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  } catch (py::error_already_set& failed) {
    failed.restore();
  }
}

}  // namespace
}  // namespace pannier::python

PYBIND11_MODULE(_pannier, module) {
  namespace py = pybind11;
  using namespace pannier;
  using namespace pannier::python;

  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const Error& e) {
      raise(e.code(), e.where(), e.problem(), e.allowed());
    } catch (const std::bad_alloc&) {
      raise(ErrorCode::out_of_memory, "memory", "an allocation failed", {});
    }
  });

  module.attr("version") = to_str(library_version());
  module.def("item_key", [](const py::object& id) { return value(item_key(to_text(id, "id"))); });
  module.def("parse_time", [](const py::object& text) -> py::object {
    const auto time = parse_time(to_text(text, "time"));
    return time ? py::object(py::int_(*time)) : py::none();
  });
  module.def("nearest_name", [](const py::object& wrong, const py::list& known) {
    std::vector<std::string_view> names;
    for (const auto name : known) names.push_back(to_text(name, "name"));
    return to_str(nearest_name(to_text(wrong, "name"), names));
  });
  module.def("error_names", [] {
    py::dict names;
    for (int code = 1; code <= static_cast<int>(ErrorCode::internal); ++code) names[py::int_(code)] = to_str(name(static_cast<ErrorCode>(code)));
    return names;
  });
  bind_clv(module);
  bind_models(module);
  bind_factors(module);
  bind_retrieval(module);
  bind_serving(module);
}
