#include "pannier/core/matrix.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "pannier/core/error.hpp"

namespace pannier {
namespace {

constexpr std::size_t vector_floats = 16;
constexpr std::size_t row_alignment = 64;
constexpr std::size_t huge_page = 2u << 20;

/// A large matrix asks for huge pages, so that rows gathered at random miss fewer translations; where the advice is not taken, the pages are small.
float* allocate(std::size_t bytes) noexcept {
  const std::size_t alignment = bytes >= 2 * huge_page ? huge_page : row_alignment;
  if (bytes > std::numeric_limits<std::size_t>::max() - alignment) return nullptr;
  auto* memory = static_cast<float*>(std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment));
#ifdef __linux__
  if (memory != nullptr && alignment == huge_page) static_cast<void>(::madvise(memory, bytes / huge_page * huge_page, MADV_HUGEPAGE));
#endif
  return memory;
}

}  // namespace

void Matrix::Free::operator()(float* p) const noexcept { std::free(p); }

Matrix::Matrix(std::size_t rows, std::size_t cols) {
  constexpr auto most = std::numeric_limits<std::ptrdiff_t>::max() / sizeof(float);
  const auto refuse = [&] {
    throw Error(ErrorCode::out_of_memory, "matrix",
                "no memory for " + std::to_string(rows) + " rows of " + std::to_string(cols) + " floats");
  };
  if (cols > most - vector_floats) refuse();
  const auto stride = (cols + vector_floats - 1) / vector_floats * vector_floats;
  if (stride != 0 && rows > most / stride) refuse();
  if (const auto bytes = rows * stride * sizeof(float); bytes != 0) {
    auto* memory = allocate(bytes);
    if (memory == nullptr) refuse();
    std::memset(memory, 0, bytes);
    data_.reset(memory);
  }
  rows_ = rows;
  cols_ = cols;
  stride_ = stride;
}

Matrix::Matrix(const Matrix& other) : Matrix(other.rows_, other.cols_) {
  if (data_) std::memcpy(data_.get(), other.data_.get(), rows_ * stride_ * sizeof(float));
}

Matrix& Matrix::operator=(const Matrix& other) {
  if (this != &other) *this = Matrix(other);
  return *this;
}

Matrix::Matrix(Matrix&& other) noexcept
    : rows_(std::exchange(other.rows_, 0)),
      cols_(std::exchange(other.cols_, 0)),
      stride_(std::exchange(other.stride_, 0)),
      data_(std::move(other.data_)) {}

Matrix& Matrix::operator=(Matrix&& other) noexcept {
  rows_ = std::exchange(other.rows_, 0);
  cols_ = std::exchange(other.cols_, 0);
  stride_ = std::exchange(other.stride_, 0);
  data_ = std::move(other.data_);
  return *this;
}

bool Matrix::operator==(const Matrix& other) const noexcept {
  if (rows_ != other.rows_ || cols_ != other.cols_) return false;
  if (cols_ == 0) return true;
  for (std::size_t r = 0; r < rows_; ++r)
    if (std::memcmp(row(r).data(), other.row(r).data(), cols_ * sizeof(float)) != 0) return false;
  return true;
}

namespace {

void require_valid(const CsrView& matrix, std::string_view where, bool weighed) {
  const auto refuse = [&](const std::string& problem, const std::string& allowed) {
    throw Error(ErrorCode::invalid_argument, std::string(where), problem, allowed);
  };
  if (matrix.cols > std::numeric_limits<std::uint32_t>::max())
    refuse(std::to_string(matrix.cols) + " columns", "at most 4294967295");
  if (matrix.offsets.empty() || matrix.offsets.size() - 1 != matrix.rows)
    refuse(std::to_string(matrix.offsets.size()) + " offsets for " + std::to_string(matrix.rows) + " rows", "one more than rows");
  if (weighed && matrix.values.size() != matrix.columns.size())
    refuse(std::to_string(matrix.values.size()) + " values for " + std::to_string(matrix.columns.size()) + " columns", "as many");
  const auto nonzeros = static_cast<std::int64_t>(matrix.columns.size());
  if (matrix.offsets.front() != 0) refuse("the first offset is " + std::to_string(matrix.offsets.front()), "0");
  // The end of a row is compared with the entries there are before the row is read.
  for (std::size_t r = 0; r < matrix.rows; ++r) {
    const auto begin = matrix.offsets[r], end = matrix.offsets[r + 1];
    const auto row = "row " + std::to_string(r);
    if (end < begin) refuse(row + " ends at offset " + std::to_string(end) + " before it begins at " + std::to_string(begin), "ascending offsets");
    if (end > nonzeros) refuse(row + " ends at offset " + std::to_string(end), "at most " + std::to_string(nonzeros));
    const auto columns = matrix.row_columns(r);
    const auto values = weighed ? matrix.row_values(r) : std::span<const float>();
    for (std::size_t n = 0; n < columns.size(); ++n) {
      const auto cell = [&] { return row + " column " + std::to_string(columns[n]); };
      if (columns[n] >= matrix.cols) refuse(cell() + " is out of range", "columns below " + std::to_string(matrix.cols));
      if (n > 0 && columns[n] == columns[n - 1]) refuse(cell() + " is repeated", "each column once in a row");
      if (n > 0 && columns[n] < columns[n - 1]) refuse(cell() + " follows column " + std::to_string(columns[n - 1]), "ascending columns in a row");
      if (weighed && (!std::isfinite(values[n]) || values[n] < 0))
        refuse(cell() + " has the weight " + std::to_string(values[n]), "a finite weight, not negative");
    }
  }
  if (matrix.offsets.back() != nonzeros)
    refuse("the last offset is " + std::to_string(matrix.offsets.back()), "the number of entries, " + std::to_string(nonzeros));
}

}  // namespace

void require_valid_weights(const CsrView& matrix, std::string_view where) { require_valid(matrix, where, true); }
void require_valid_columns(const CsrView& matrix, std::string_view where) { require_valid(matrix, where, false); }

Csr transpose(const CsrView& matrix) {
  Csr out;
  out.rows = matrix.cols;
  out.cols = matrix.rows;
  out.offsets.assign(out.rows + 1, 0);
  out.columns.resize(matrix.nonzeros());
  out.values.resize(matrix.nonzeros());
  for (const auto column : matrix.columns) ++out.offsets[column + std::size_t{1}];
  for (std::size_t r = 0; r < out.rows; ++r) out.offsets[r + 1] += out.offsets[r];
  std::vector<std::int64_t> next(out.offsets.begin(), out.offsets.end() - 1);
  for (std::size_t r = 0; r < matrix.rows; ++r) {
    const auto columns = matrix.row_columns(r);
    const auto values = matrix.row_values(r);
    for (std::size_t n = 0; n < columns.size(); ++n) {
      const auto at = static_cast<std::size_t>(next[columns[n]]++);
      out.columns[at] = static_cast<std::uint32_t>(r);
      out.values[at] = values[n];
    }
  }
  return out;
}

}  // namespace pannier
