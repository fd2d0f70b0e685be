// What a shop's program looks like from outside: public headers and pannier::pannier, nothing else.
#include <array>
#include <iostream>

#include <pannier/pannier.hpp>

int main() {
  using namespace pannier;
  // Who bought what: four people, four items; 0 and 1 go together, and so do 2 and 3.
  const Csr bought{4, 4, {0, 2, 4, 6, 8}, {0, 1, 0, 1, 2, 3, 2, 3}, {1, 1, 1, 1, 1, 1, 1, 1}};
  const auto fit = cf::fit_item_knn(bought, {.neighbours = 2});

  const std::array<ItemIndex, 1> seen{ItemIndex{0}};
  const std::array<float, 1> weights{1};
  model::Workspace workspace;
  std::array<Scored, 1> best;
  const auto found = fit.model->recommend({.items = seen, .weights = weights, .kinds = {}, .ages_us = {}}, {}, workspace, best);

  std::cout << "pannier " << library_version() << " recommends item " << value(best[0].item) << " after item 0\n";
  return found == 1 && best[0].item == ItemIndex{1} && library_version() == version ? 0 : 1;
}
