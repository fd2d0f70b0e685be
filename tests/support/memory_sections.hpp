#pragma once

/// Sections in memory: what a model writes, to be read back whole, cut or changed.

#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/model/artifact.hpp"

namespace pannier::support {

/// Copies what is written; a name that is bad or used twice fails the test that wrote it.
class MemoryWriter : public model::SectionWriter {
 public:
  void section(std::string_view name, std::span<const std::byte> bytes) override {
    if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string_view::npos)
      throw std::logic_error("bad section name " + std::string(name));
    if (!sections_.emplace(name, std::vector<std::byte>(bytes.begin(), bytes.end())).second)
      throw std::logic_error("section written twice: " + std::string(name));
  }
  [[nodiscard]] const std::map<std::string, std::vector<std::byte>, std::less<>>& sections() const { return sections_; }

 private:
  std::map<std::string, std::vector<std::byte>, std::less<>> sections_;
};

/// Reads a copy. Every section is a block of its own on the heap, so that the address sanitizer sees each read beyond it.
class MemoryReader : public model::SectionReader {
 public:
  MemoryReader(const MemoryWriter& writer, std::string config) : config_(std::move(config)) {
    for (const auto& [name, bytes] : writer.sections()) replace(name, bytes);
  }
  /// Keeps the first `size` bytes.
  void truncate(std::string_view name, std::size_t size) { replace(std::string(name), section(name).subspan(0, size)); }
  void flip(std::string_view name, std::size_t bit) {
    auto& block = *blocks_->find(name)->second;
    block.data.get()[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
  }
  void remove(std::string_view name) { blocks_->erase(blocks_->find(name)); }
  void config(std::string json) { config_ = std::move(json); }

  [[nodiscard]] std::span<const std::byte> section(std::string_view name) const override {
    const auto found = blocks_->find(name);
    if (found == blocks_->end()) throw Error(ErrorCode::malformed_input, "section " + std::string(name), "is missing");
    return {found->second->data.get(), found->second->size};
  }
  [[nodiscard]] std::shared_ptr<const void> keeper() const override { return blocks_; }
  [[nodiscard]] std::string_view config_json() const override { return config_; }

 private:
  struct Free {
    void operator()(std::byte* p) const noexcept { ::operator delete[](p, std::align_val_t{64}); }
  };
  struct Block {
    std::unique_ptr<std::byte[], Free> data;
    std::size_t size = 0;
  };
  void replace(const std::string& name, std::span<const std::byte> bytes) {
    auto block = std::make_unique<Block>();
    block->data.reset(static_cast<std::byte*>(::operator new[](bytes.size(), std::align_val_t{64})));
    block->size = bytes.size();
    if (!bytes.empty()) std::memcpy(block->data.get(), bytes.data(), bytes.size());
    (*blocks_)[name] = std::move(block);
  }
  using Blocks = std::map<std::string, std::unique_ptr<Block>, std::less<>>;
  std::shared_ptr<Blocks> blocks_ = std::make_shared<Blocks>();
  std::string config_;
};

}  // namespace pannier::support
