/// The border between C and C++: the one catch, and the checks of what crosses it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "pannier.h"
#include "pannier/core/error.hpp"

namespace pannier::c {

/// Writes that all went well; `error` may be null.
void succeed(pnr_error* error) noexcept;

/// Turns the exception in flight into a status and `error` (may be null). To be called inside a catch.
pnr_status fail(pnr_error* error) noexcept;

/// Runs `body`. Nothing that it throws leaves this function.
template <class Body>
pnr_status guard(pnr_error* error, Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
  } catch (...) {
    return fail(error);
  }
  succeed(error);
  return PNR_OK;
}

/// Copies `text` into a buffer of `capacity` bytes with a NUL, cut between characters; what is no UTF-8 becomes '?'.
void copy_cut(std::string_view text, char* out, std::size_t capacity) noexcept;

/// Refuses a null pointer by its name.
void require(const void* pointer, std::string_view name);

/// A text handed in. Errors: invalid_argument (null with a length, no UTF-8).
[[nodiscard]] std::string_view text(const char* data, std::size_t length, std::string_view name);
[[nodiscard]] inline std::string_view text(const pnr_text& given, std::string_view name) {
  return text(given.data, given.length, name);
}

/// A path handed in, any bytes but none and NUL.
[[nodiscard]] std::filesystem::path path(const char* data, std::size_t length, std::string_view name);

/// An array handed in. Errors: invalid_argument (null with a count).
template <class T>
[[nodiscard]] std::span<const T> array(const T* data, std::size_t count, std::string_view name) {
  if (count != 0) require(data, name);
  return {data, count};
}

/// A flag handed in, read as the byte that it is. Errors: invalid_argument (neither 0 nor 1).
[[nodiscard]] bool flag(const bool& given, std::string_view name);

/// Copies `text` out. Errors: buffer_too_small, once `*needed` is set; invalid_argument.
void copy_out(std::string_view text, char* out, std::size_t capacity, std::size_t* needed);

/// The size of a struct's first version: what has not grown yet is as long as it was.
template <class T>
inline constexpr std::size_t first_size = sizeof(T);
template <>
inline constexpr std::size_t first_size<pnr_request> = offsetof(pnr_request, policy);
template <>
inline constexpr std::size_t first_size<pnr_train_options> = offsetof(pnr_train_options, users);
template <>
inline constexpr std::size_t first_size<pnr_train_report> = offsetof(pnr_train_report, people_read);

/// The part of reading a struct that does not depend on its type: copies what is given and known over the defaults in `known`.
/// Errors: invalid_argument (of the size of no version), unsupported (bytes set that are not known here).
void read_struct(const void* given, std::string_view name, void* known, std::size_t first_size, std::size_t known_size);

/// Copies defaults out, as many bytes as the caller's struct has, and zeroes the rest of it.
void init_struct(void* out, std::size_t size, const void* defaults, std::size_t known_size) noexcept;

/// The defaults of each struct of the header.
template <class T>
[[nodiscard]] T defaults() noexcept;

/// A struct handed in, of whatever version: fields it does not have keep their defaults.
template <class T>
[[nodiscard]] T read(const T* given, std::string_view name) {
  require(given, name);
  T known = defaults<T>();
  read_struct(given, name, &known, first_size<T>, sizeof known);
  return known;
}

/// Copies a struct out, as many bytes as the caller's has; its size stays as the caller said.
template <class T>
void write_struct(T known, T* out) noexcept {
  known.struct_size = out->struct_size;
  std::memcpy(static_cast<void*>(out), &known, std::min(out->struct_size, sizeof known));
}

/// As read(); null gives the defaults.
template <class T>
[[nodiscard]] T read_or_default(const T* given, std::string_view name) {
  return given == nullptr ? defaults<T>() : read(given, name);
}

/// Refuses a reserved field that is not zero. Errors: unsupported.
void require_reserved(const void* field, std::size_t size, std::string_view name);
template <class T>
void require_reserved(const T& field, std::string_view name) {
  require_reserved(&field, sizeof field, name);
}

}  // namespace pannier::c
