#include "guard.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>

#include "pannier/data/event.hpp"

namespace pannier::c {
namespace {

// A struct longer than this is no newer version but garbage.
constexpr std::size_t longest_struct = 4096;

pnr_status describe(pnr_error* error, ErrorCode code, std::string_view where, std::string_view what,
                    std::string_view allowed) noexcept {
  const auto status = static_cast<pnr_status>(code);
  if (error != nullptr) {
    error->code = status;
    copy_cut(where, error->where, sizeof error->where);
    copy_cut(what, error->what, sizeof error->what);
    copy_cut(allowed, error->allowed, sizeof error->allowed);
  }
  return status;
}

}  // namespace

void succeed(pnr_error* error) noexcept { describe(error, ErrorCode::ok, {}, {}, {}); }

pnr_status fail(pnr_error* error) noexcept {
  try {
    throw;
  } catch (const Error& e) {
    return describe(error, e.code(), e.where(), e.problem(), e.allowed());
  } catch (const std::bad_alloc&) {
    return describe(error, ErrorCode::out_of_memory, "memory", "an allocation failed", {});
  } catch (const std::length_error&) {
    return describe(error, ErrorCode::out_of_memory, "memory", "more was asked for than an array can hold", {});
  } catch (const std::filesystem::filesystem_error& e) {
    return describe(error, ErrorCode::io_failure, "file system", e.what(), {});
  } catch (const std::exception& e) {
    return describe(error, ErrorCode::internal, "pannier", e.what(), {});
  } catch (...) {
    return describe(error, ErrorCode::internal, "pannier", "an exception of an unknown type", {});
  }
}

void copy_cut(std::string_view text, char* out, std::size_t capacity) noexcept {
  auto length = std::min(text.size(), capacity - 1);
  const bool clean = data::is_utf8(text);
  // Where the cut falls inside a character, its first bytes go too.
  if (clean && length < text.size())
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0u) == 0x80u) --length;
  for (std::size_t i = 0; i < length; ++i) {
    const bool plain = static_cast<unsigned char>(text[i]) < 0x80;
    out[i] = text[i] == '\0' || (!clean && !plain) ? '?' : text[i];
  }
  out[length] = '\0';
}

void require(const void* pointer, std::string_view name) {
  if (pointer == nullptr) throw Error(ErrorCode::invalid_argument, std::string(name), "is NULL", "a pointer");
}

std::string_view text(const char* data, std::size_t length, std::string_view name) {
  if (length == 0) return {};
  if (data == nullptr)
    throw Error(ErrorCode::invalid_argument, std::string(name), "is NULL with a length of " + std::to_string(length),
                "a pointer, or a length of 0");
  const std::string_view given(data, length);
  if (!data::is_utf8(given)) throw Error(ErrorCode::invalid_argument, std::string(name), "is no UTF-8", "UTF-8 text");
  return given;
}

std::filesystem::path path(const char* data, std::size_t length, std::string_view name) {
  const std::string_view given(length == 0 ? "" : data, length);
  if (length != 0) require(data, name);
  if (given.empty()) throw Error(ErrorCode::invalid_argument, std::string(name), "is empty", "a path");
  if (given.find('\0') != std::string_view::npos)
    throw Error(ErrorCode::invalid_argument, std::string(name), "has a NUL inside", "a path");
  return std::filesystem::path(given);
}

bool flag(const bool& given, std::string_view name) {
  unsigned char byte = 0;
  std::memcpy(&byte, &given, 1);
  if (byte > 1)
    throw Error(ErrorCode::invalid_argument, std::string(name), "is " + std::to_string(byte), "0 or 1");
  return byte == 1;
}

void copy_out(std::string_view text, char* out, std::size_t capacity, std::size_t* needed) {
  require(needed, "needed");
  if (capacity != 0) require(out, "out");
  if (text.size() > capacity) {
    *needed = text.size();
    throw Error(ErrorCode::buffer_too_small, "out", "has room for " + std::to_string(capacity) + " bytes",
                "at least " + std::to_string(text.size()));
  }
  *needed = text.size();
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
}

void read_struct(const void* given, std::string_view name, void* known, std::size_t first_size, std::size_t known_size) {
  std::size_t size = 0;
  std::memcpy(&size, given, sizeof size);
  if ((size < known_size && size != first_size) || size > longest_struct)
    throw Error(ErrorCode::invalid_argument, std::string(name) + ".struct_size", "is " + std::to_string(size),
                std::to_string(known_size) + ", as pnr_..._init() sets it");
  const auto* bytes = static_cast<const unsigned char*>(given);
  if (size > known_size && std::any_of(bytes + known_size, bytes + size, [](unsigned char byte) { return byte != 0; }))
    throw Error(ErrorCode::unsupported, std::string(name), "sets a field that this library does not know",
                "a library of the same version as the header");
  std::memcpy(known, given, std::min(size, known_size));
}

void init_struct(void* out, std::size_t size, const void* defaults, std::size_t known_size) noexcept {
  if (out == nullptr || size < sizeof(std::size_t)) return;
  std::memcpy(out, defaults, std::min(size, known_size));
  if (size > known_size) std::memset(static_cast<unsigned char*>(out) + known_size, 0, size - known_size);
  std::memcpy(out, &size, sizeof size);
}

void require_reserved(const void* field, std::size_t size, std::string_view name) {
  const auto* bytes = static_cast<const unsigned char*>(field);
  if (std::any_of(bytes, bytes + size, [](unsigned char byte) { return byte != 0; }))
    throw Error(ErrorCode::unsupported, std::string(name), "is not zero", "0: the field is reserved");
}

}  // namespace pannier::c
