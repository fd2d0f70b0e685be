/// The table `attributes`: what users files said of people.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/data/profile.hpp"
#include "pannier/store/people.hpp"
#include "store/people_connection_sqlite.hpp"

namespace pannier::store {

/// Inside a writer's transaction. True where the table is another afterwards.
bool put_attributes(Connection& connection, std::int64_t person, const UserKey& key, const data::Profile& profile);

/// The person's sound rows, by name and source; the others are counted. None in tables of an older version.
[[nodiscard]] std::vector<PersonAttribute> read_attributes(Connection& connection, const UserKey& key, std::uint64_t& damaged);
[[nodiscard]] std::uint64_t count_people_with_attributes(Connection& connection);
[[nodiscard]] std::uint64_t count_attributes(Connection& connection, std::int64_t person);
void erase_attributes(Connection& connection, std::int64_t person);

struct KnownPerson {
  std::int64_t number = 0;
  UserKey key;
  std::int64_t sort = 0;   ///< As it is stored.
};
/// Tells of every row that is damaged or belongs to nobody, or to somebody other than a user; `known` are the people, ascending by number.
void verify_attributes(Connection& connection, std::span<const KnownPerson> known, const std::function<void(std::string)>& found);

}  // namespace pannier::store
