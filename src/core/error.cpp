#include "pannier/core/error.hpp"

#include <utility>

namespace pannier {
namespace {

std::string message(const std::string& where, const std::string& problem, const std::string& allowed) {
  std::string text;
  if (!where.empty()) text.append(where).append(": ");
  text += problem;
  if (!allowed.empty()) text.append("; expected ").append(allowed);
  return text;
}

}  // namespace

std::string_view name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::ok: return "ok";
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::malformed_input: return "malformed_input";
    case ErrorCode::io_failure: return "io_failure";
    case ErrorCode::numerical_failure: return "numerical_failure";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::out_of_memory: return "out_of_memory";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::read_only: return "read_only";
    case ErrorCode::buffer_too_small: return "buffer_too_small";
    case ErrorCode::internal: return "internal";
  }
  return "unknown";
}

Error::Error(ErrorCode code, std::string where, std::string problem, std::string allowed)
    : std::runtime_error(message(where, problem, allowed)),
      code_(code),
      where_(std::move(where)),
      problem_(std::move(problem)),
      allowed_(std::move(allowed)) {}

}  // namespace pannier
