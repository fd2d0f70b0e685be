/// Dense and sparse matrices as borrowed views and as owners. Rows are users (or items), row-major.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace pannier {

/// Borrowed row-major matrix; `stride` floats from row to row, stride >= cols.
struct MatrixView {
  const float* data = nullptr;
  std::size_t rows = 0, cols = 0, stride = 0;
  [[nodiscard]] std::span<const float> row(std::size_t r) const noexcept { return {data + r * stride, cols}; }
};

/// Owning row-major float matrix, zero-initialised, every row starting at a 64-byte boundary (stride is cols rounded up to 16;
/// the padding stays zero, so kernels may read whole vectors).
class Matrix {
 public:
  Matrix() = default;
  /// Errors: out_of_memory, naming rows and columns.
  Matrix(std::size_t rows, std::size_t cols);
  Matrix(const Matrix& other);
  Matrix& operator=(const Matrix& other);
  /// What is moved from is empty.
  Matrix(Matrix&& other) noexcept;
  Matrix& operator=(Matrix&& other) noexcept;
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t cols() const noexcept { return cols_; }
  [[nodiscard]] std::size_t stride() const noexcept { return stride_; }
  [[nodiscard]] std::span<float> row(std::size_t r) noexcept { return {data_.get() + r * stride_, cols_}; }
  [[nodiscard]] std::span<const float> row(std::size_t r) const noexcept { return {data_.get() + r * stride_, cols_}; }
  [[nodiscard]] float* data() noexcept { return data_.get(); }
  [[nodiscard]] const float* data() const noexcept { return data_.get(); }
  operator MatrixView() const noexcept { return {data_.get(), rows_, cols_, stride_}; }  // NOLINT(google-explicit-constructor)
  /// Same shape and same bits of every element.
  bool operator==(const Matrix& other) const noexcept;

 private:
  struct Free {
    void operator()(float* p) const noexcept;
  };
  std::size_t rows_ = 0, cols_ = 0, stride_ = 0;
  std::unique_ptr<float[], Free> data_;
};

/// Borrowed sparse matrix, compressed by row (SciPy's CSR). Canonical: columns ascend strictly inside a row.
struct CsrView {
  std::size_t rows = 0, cols = 0;
  std::span<const std::int64_t> offsets;    ///< rows + 1 entries from 0 to columns.size().
  std::span<const std::uint32_t> columns;   ///< Each < cols.
  std::span<const float> values;            ///< One a column entry.
  [[nodiscard]] std::size_t nonzeros() const noexcept { return columns.size(); }
  [[nodiscard]] std::span<const std::uint32_t> row_columns(std::size_t r) const noexcept {
    return columns.subspan(static_cast<std::size_t>(offsets[r]), static_cast<std::size_t>(offsets[r + 1] - offsets[r]));
  }
  [[nodiscard]] std::span<const float> row_values(std::size_t r) const noexcept {
    return values.subspan(static_cast<std::size_t>(offsets[r]), static_cast<std::size_t>(offsets[r + 1] - offsets[r]));
  }
};

/// Owning CSR.
struct Csr {
  std::size_t rows = 0, cols = 0;
  std::vector<std::int64_t> offsets{0};
  std::vector<std::uint32_t> columns;
  std::vector<float> values;
  operator CsrView() const noexcept { return {rows, cols, offsets, columns, values}; }  // NOLINT(google-explicit-constructor)
  bool operator==(const Csr&) const = default;
};

/// Refuses a matrix no model may see: offsets that do not ascend, a column out of range, unsorted or repeated columns in a
/// row, a weight that is NaN, infinite or negative, more than 2^32 - 1 columns. `where` names the argument in the message.
/// Cost: one pass.  Errors: invalid_argument with row and column.
void require_valid_weights(const CsrView& matrix, std::string_view where);
/// The same without a look at the weights, of which there may be none.
void require_valid_columns(const CsrView& matrix, std::string_view where);

/// The transpose, rows ascending inside each column. Cost: O(rows + cols + nonzeros), one thread.
[[nodiscard]] Csr transpose(const CsrView& matrix);

}  // namespace pannier
