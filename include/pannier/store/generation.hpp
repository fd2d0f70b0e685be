/// A generation: one immutable file of everything that serving needs, about items only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/data/catalog.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::store {

/// The items of a generation and what is known of them, in generation order. Texts live as long as the generation.
class ItemTable {
 public:
  virtual ~ItemTable() = default;
  [[nodiscard]] virtual std::uint32_t size() const noexcept = 0;
  [[nodiscard]] virtual ItemKey key(ItemIndex item) const noexcept = 0;           ///< key 0 when out of range
  [[nodiscard]] virtual std::string_view id(ItemIndex item) const noexcept = 0;   ///< "" when out of range or damaged
  [[nodiscard]] virtual std::string_view item_name(ItemIndex item) const noexcept = 0;
  [[nodiscard]] virtual std::string_view category(ItemIndex item) const noexcept = 0;
  [[nodiscard]] virtual float price(ItemIndex item) const noexcept = 0;            ///< NaN: unknown
  [[nodiscard]] virtual float stock(ItemIndex item) const noexcept = 0;            ///< NaN: unknown
  [[nodiscard]] virtual std::optional<ItemIndex> find(ItemKey key) const noexcept = 0;  ///< One hash probe.
  /// Names and values of further attributes (brand, image, any other column) of an item.
  [[nodiscard]] virtual std::vector<std::pair<std::string_view, std::string_view>> attributes(ItemIndex item) const = 0;
};

/// The items as a catalogue. Errors: malformed_input (damaged items that no catalogue takes).
[[nodiscard]] data::Catalog catalog_of(const ItemTable& items);

/// What train tells of a generation; the manifest's fields.
struct GenerationInfo {
  std::string id;                  ///< Eight digits, ascending: "00000001".
  std::string parent;              ///< The generation that was current when it was made, or "".
  std::int64_t created_us = 0;
  std::int64_t data_until = 0;     ///< Last sequence of the people store that training saw.
  std::int64_t catalog_until = 0;  ///< Version of the last live change of the catalogue that training took over.
  std::int64_t first_event_us = 0, last_event_us = 0;   ///< The data window.
  std::uint64_t events = 0, users = 0, items = 0;
  std::string config_json = "{}"; ///< The whole train config.
  std::string library_version;
};

/// One model inside a generation.
struct ModelEntry {
  std::string name;                ///< Its name in the config ("ials").
  std::string kind;                ///< Recommender::kind().
  std::string config_json;
  double fit_seconds = 0;
};

/// What is written.
struct GenerationContent {
  GenerationInfo info;
  std::vector<data::CatalogItem> items;                                   ///< In fitted order (column order of the matrix).
  std::vector<ItemIndex> order;                                           ///< order[i] = fitted index of generation item i: a permutation.
  std::vector<std::pair<ModelEntry, std::shared_ptr<const model::Recommender>>> models;
};

/// Writes one generation file (atomically, see ArtifactWriter). Errors: invalid_argument (shapes that disagree, an order that is no
/// permutation, two ids of one key, naming both), io_failure.
void write_generation(const std::filesystem::path& file, const GenerationContent& content);

/// An opened generation. Models are opened by serve::open_models(), which knows every kind.
/// Threads: Immutable: share freely.
class Generation {
 public:
  /// Errors: as Artifact::open; malformed_input for a manifest or item table that does not fit.
  [[nodiscard]] static std::shared_ptr<const Generation> open(const std::filesystem::path& file, model::Check check);
  [[nodiscard]] static std::shared_ptr<const Generation> open(std::span<const std::byte> bytes, model::Check check);
  virtual ~Generation() = default;
  [[nodiscard]] virtual const GenerationInfo& info() const noexcept = 0;
  [[nodiscard]] virtual const ItemTable& items() const noexcept = 0;
  [[nodiscard]] virtual const std::vector<ModelEntry>& models() const noexcept = 0;
  /// The sections of models()[i]; the reader keeps the generation alive.
  [[nodiscard]] virtual std::unique_ptr<model::SectionReader> reader(std::size_t i) const = 0;
  [[nodiscard]] virtual std::uint64_t size_bytes() const noexcept = 0;
};

}  // namespace pannier::store
