/// What the files of the Python module share: texts, errors that Python raised, and long calls without the interpreter lock.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "pannier/core/error.hpp"
#include "pannier/core/fit.hpp"

namespace pannier::python {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;

/// The elements of an array, for as long as it is held.
template <class T>
[[nodiscard]] std::span<const T> elements(const Array<T>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

/// Text for Python; bytes that are no UTF-8 (of a damaged file) become the replacement character.
[[nodiscard]] inline py::str to_str(std::string_view text) {
  auto* made = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (made == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(made);
}

/// The text of a str, borrowed from it; None is the empty text. Errors: invalid_argument (another type, a lone surrogate).
[[nodiscard]] inline std::string_view to_text(py::handle given, std::string_view name) {
  if (given.is_none()) return {};
  if (PyUnicode_Check(given.ptr()) == 0)
    throw Error(ErrorCode::invalid_argument, std::string(name), std::string("is of type ") + Py_TYPE(given.ptr())->tp_name,
                "text");
  Py_ssize_t length = 0;
  const char* data = PyUnicode_AsUTF8AndSize(given.ptr(), &length);
  if (data == nullptr) {
    PyErr_Clear();
    throw Error(ErrorCode::invalid_argument, std::string(name), "holds a lone surrogate", "text that can be written as UTF-8");
  }
  return {data, static_cast<std::size_t>(length)};
}

/// As to_text(), for a text that may be absent (None) but not empty. Errors: invalid_argument (as there, or an empty text).
[[nodiscard]] inline std::string_view to_given_text(py::handle given, std::string_view name) {
  const auto text = to_text(given, name);
  if (text.empty() && !given.is_none())
    throw Error(ErrorCode::invalid_argument, std::string(name), "is \"\"", "a text that is not empty");
  return text;
}

/// Runs long calls with the interpreter unlocked. Ctrl-C, and what the progress function raises, stop the call through its stop
/// token, and are raised when it has ended.
class LongCall {
 public:
  /// `progress` is None or called as progress(stage, done, total), at most twenty times a second and at the ends of stages.
  LongCall(int threads, py::object progress) : progress_(std::move(progress)) {
    control_.execution.threads = threads;
    control_.stop = stop_.get_token();
    control_.progress = [this](const Progress& at) { report(at); };
  }
  LongCall(const LongCall&) = delete;
  LongCall& operator=(const LongCall&) = delete;

  template <class Body>
  auto run(Body&& body) {
    try {
      const py::gil_scoped_release unlocked;
      return std::forward<Body>(body)(std::as_const(control_));
    } catch (...) {
      if (raised_) std::rethrow_exception(std::exchange(raised_, nullptr));
      throw;
    }
  }

 private:
  void report(const Progress& progress) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(50) && progress.done != progress.total) return;
    last_ = now;
    const py::gil_scoped_acquire locked;
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (!progress_.is_none()) progress_(to_str(progress.stage), progress.done, progress.total);
    } catch (py::error_already_set&) {
      raised_ = std::current_exception();
      stop_.request_stop();
      throw Error(ErrorCode::cancelled, "progress", "the progress function raised, or the user interrupted");
    }
  }

  py::object progress_;
  std::stop_source stop_;
  FitControl control_;
  std::chrono::steady_clock::time_point last_{};
  std::exception_ptr raised_;
};

void bind_clv(py::module_& module);
void bind_models(py::module_& module);
void bind_factors(py::module_& module);
void bind_retrieval(py::module_& module);
void bind_serving(py::module_& module);

}  // namespace pannier::python
