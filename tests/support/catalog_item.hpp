/// An item of a catalogue with what a test says of it.
#pragma once

#include <cmath>
#include <string>
#include <utility>

#include "pannier/data/catalog.hpp"

namespace pannier::test {

inline data::CatalogItem item(std::string id, std::string name = "", double price = NAN, double stock = NAN) {
  data::CatalogItem out;
  out.id = std::move(id);
  out.name = std::move(name);
  out.price = price;
  out.stock = stock;
  return out;
}

}  // namespace pannier::test
