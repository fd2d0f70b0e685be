/// Which codes of a log look like no products: postage, fees, manual entries, adjustments, vouchers, samples.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/event_file.hpp"

namespace pannier::data {

/// How far a name is made of words for postage, fees, corrections, vouchers or samples (English, German, French, Spanish, Italian, Dutch,
/// Portuguese, Swedish, Polish). some: it holds a word that hardly any product's name holds; whole: it says nothing else.
enum class ServiceWords : std::uint8_t { none, some, whole };
[[nodiscard]] ServiceWords service_words(std::string_view name);

/// The proposal in words; "" for none.
[[nodiscard]] std::string propose_dropping(std::span<const NoProduct> codes);

/// Watches the events of a log and judges at its end. Four signs count: most lines that name the item name it by service words; the
/// code's shape (runs of digits and letters) is one that few lines have, where nine lines of ten have common ones; its prices differ
/// wildly; it costs next to nothing. A name of service words alone is enough; else two signs must meet, one of them the shape or the words.
///
/// Memory: bounded, at most about 4.5 MiB: 8,192 suspects, 256 shapes, 16,384 names, two rows of 65,536 counters.
/// Cost: a hash of the code, one of its shape and one of the name for an event of an ordinary product.
/// Threads: One thread.
class NoProducts {
 public:
  /// `place()` gives FILE:LINE.
  template <class Place>
  void see(const Event& event, const Place& place) {
    if (event.item.empty()) return;
    if (std::has_single_bit(++lines_) && lines_ >= settled) settle();
    const auto count = ++shape(event.item);
    if (event.price > 0) {
      ++prices_;
      exponents_ += exponent(event.price);
    }
    const auto words = event.item_name.empty() ? ServiceWords::none : remembered(event.item_name);
    const bool odd = lines_ <= settled || (shapes_tell_ && is_rare(count));
    const auto code = hash64(std::as_bytes(std::span(event.item)), 1);
    const auto named_before = event.item_name.empty() ? 0 : count_named(code);
    // Every line of a suspect counts, so that one stray name does not speak against thousands.
    auto* suspect = words != ServiceWords::none || odd ? find(event.item) : is_watched(code) ? known(event.item) : nullptr;
    if (suspect == nullptr) return;
    if (suspect->lines == 0) {
      suspect->example = place();
      suspect->named = named_before;
      watch(code);
    }
    add(*suspect, event, words);
  }
  /// The codes that look like no products, those with most lines first.
  [[nodiscard]] std::vector<NoProduct> found() const;

 private:
  static constexpr std::uint64_t settled = 4096;     ///< Lines until which every code is a suspect.
  static constexpr std::size_t most_suspects = 8192, name_slots = 16'384, shape_slots = 256, longest_code = 128, longest_name = 80, named_slots = 65'536;
  struct Suspect {
    std::uint64_t lines = 0, named = 0, some = 0, whole = 0;
    std::uint64_t priced = 0;
    double log_mean = 0, log_squares = 0;            ///< Of the prices above 0, after Welford.
    double least = 0, greatest = 0;
    std::string name, example;
  };
  struct Shape {
    std::uint64_t hash = 0, lines = 0;
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  [[nodiscard]] static int exponent(double price) noexcept { return static_cast<int>((std::bit_cast<std::uint64_t>(price) >> 52) & 0x7FF) - 1023; }
  [[nodiscard]] static std::uint64_t hash_of_shape(std::string_view code) noexcept;
  [[nodiscard]] bool is_rare(std::uint64_t lines) const noexcept { return 20 * lines < lines_; }
  /// The lines of the shape of a code; those of all further shapes together once the table is full.
  [[nodiscard]] std::uint64_t& shape(std::string_view code) noexcept;
  [[nodiscard]] std::uint64_t lines_of_shape(std::string_view code) const noexcept;
  [[nodiscard]] bool shapes_tell() const noexcept;
  [[nodiscard]] ServiceWords remembered(std::string_view name);
  /// Makes a suspect of a code that is none yet; null where there is no room.
  [[nodiscard]] Suspect* find(std::string_view code);
  [[nodiscard]] Suspect* known(std::string_view code);
  /// How many lines named the code before this one, at least: a count-min sketch (Cormode, Muthukrishnan 2005), which only other codes in both of its places raise.
  [[nodiscard]] std::uint64_t count_named(std::uint64_t code) noexcept {
    auto& one = named_[code % named_slots];
    auto& other = named_[named_slots + (code >> 32) % named_slots];
    const auto before = std::min(one, other);
    one += one < ~std::uint32_t{0}, other += other < ~std::uint32_t{0};
    return before;
  }
  [[nodiscard]] bool is_watched(std::uint64_t code) const noexcept { return (watched_[code % named_slots / 64] >> (code % 64) & 1) != 0; }
  void watch(std::uint64_t code) noexcept { watched_[code % named_slots / 64] |= std::uint64_t{1} << (code % 64); }
  static void add(Suspect& suspect, const Event& event, ServiceWords words);
  /// Forgets the suspects that nothing speaks against.
  void settle();
  [[nodiscard]] std::string judge(std::string_view code, const Suspect& suspect) const;

  std::uint64_t lines_ = 0, prices_ = 0;
  std::int64_t exponents_ = 0;
  bool shapes_tell_ = true;
  std::array<Shape, shape_slots> shapes_{};
  std::uint64_t other_shapes_ = 0;
  std::vector<std::uint64_t> names_ = std::vector<std::uint64_t>(name_slots);   ///< By hash; its lowest two bits are the verdict + 1.
  std::vector<std::uint32_t> named_ = std::vector<std::uint32_t>(2 * named_slots);
  std::vector<std::uint64_t> watched_ = std::vector<std::uint64_t>(named_slots / 64);   ///< Codes that are or were suspects, and others of their place.
  std::unordered_map<std::string, Suspect, Hash, std::equal_to<>> suspects_;
};

}  // namespace pannier::data
