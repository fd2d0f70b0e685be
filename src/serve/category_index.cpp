#include "serve/category_index.hpp"

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <unordered_set>

#include "pannier/core/config.hpp"
#include "pannier/core/error.hpp"
#include "serve/json_text.hpp"

namespace pannier::serve {
namespace {

/// As texts, but a '/' comes before every other byte: then "a", "a/b", "a b" keeps what lies under "a" together.
bool comes_before(std::string_view a, std::string_view b) noexcept {
  const auto place = [](char c) { return c == '/' ? 0u : 1u + static_cast<unsigned char>(c); };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return place(x) < place(y); });
}

bool is_under(std::string_view path, std::string_view root) noexcept {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

constexpr std::size_t most_named = 10;

}  // namespace

CategoryIndex::CategoryIndex(const store::ItemTable& items) {
  const auto count = items.size();
  constexpr auto no_path = static_cast<std::uint32_t>(-1);
  std::vector<std::uint32_t> path_of(count, no_path);
  std::unordered_map<std::string_view, std::uint32_t> known;
  std::vector<std::uint32_t> sizes;
  std::string_view last;  // Neighbours often share a category.
  std::uint32_t last_path = no_path;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto category = items.category(ItemIndex{i});
    if (category.empty()) continue;
    if (last_path == no_path || category != last) {
      last_path = known.try_emplace(category, static_cast<std::uint32_t>(sizes.size())).first->second;
      last = category;
      if (last_path == sizes.size()) {
        sizes.push_back(0);
        paths_.push_back(category);
      }
    }
    path_of[i] = last_path;
    ++sizes[last_path];
  }
  std::sort(paths_.begin(), paths_.end(), comes_before);
  std::vector<std::uint32_t> next(sizes.size());  // By the number a path was given first.
  starts_.reserve(paths_.size() + 1);
  std::uint32_t start = 0;
  for (const auto path : paths_) {
    const auto number = known.at(path);
    starts_.push_back(start);
    next[number] = start;
    start += sizes[number];
  }
  starts_.push_back(start);
  items_.resize(start);
  for (std::uint32_t i = 0; i < count; ++i)
    if (path_of[i] != no_path) items_[next[path_of[i]]++] = ItemIndex{i};
}

std::span<const ItemIndex> CategoryIndex::find(std::string_view path) const noexcept {
  const auto first = std::lower_bound(paths_.begin(), paths_.end(), path, comes_before);
  const auto last = std::partition_point(first, paths_.end(), [&](std::string_view other) { return is_under(other, path); });
  const auto begin = starts_[static_cast<std::size_t>(first - paths_.begin())], end = starts_[static_cast<std::size_t>(last - paths_.begin())];
  return std::span(items_).subspan(begin, end - begin);
}

void CategoryIndex::refuse(std::string_view path, std::string_view where, std::string_view generation) const {
  const auto what = "is " + described(Json(path));
  if (paths_.empty())
    throw Error(ErrorCode::invalid_argument, std::string(where), what + ", while no item of generation " + std::string(generation) + " has a category",
                "absent, or an items file with a column category");
  std::vector<std::string_view> nodes, roots;  // Also the paths above those that items have.
  std::unordered_set<std::string_view> seen;
  for (const auto full : paths_) {
    for (auto end = full.find('/', 1); ; end = full.find('/', end + 1)) {
      const auto node = full.substr(0, end);
      if (seen.insert(node).second) {
        nodes.push_back(node);
        if (node.find('/', 1) == node.npos) roots.push_back(node);
      }
      if (end == full.npos) break;
    }
  }
  const auto near = nearest_name(path, nodes);
  std::string allowed = "a category of generation " + std::string(generation) + ", or a path above one: ";
  for (std::size_t i = 0; i < std::min(roots.size(), most_named); ++i) (allowed += i == 0 ? "" : ", ") += roots[i];
  if (roots.size() > most_named) allowed += ", ...";
  throw Error(ErrorCode::invalid_argument, std::string(where), what + ", which no item has" + (near.empty() ? "" : "; did you mean " + std::string(near) + "?"),
              std::move(allowed));
}

}  // namespace pannier::serve
