/// A named text that is known of an item or a person.
#pragma once

#include <string_view>

namespace pannier::data {

struct Attribute {
  std::string_view name, value;
  bool operator==(const Attribute&) const = default;
};

}  // namespace pannier::data
