// What a shop's program looks like: only public headers, only pannier::pannier.
#include <iostream>

#include "pannier/core/version.hpp"

int main() {
  std::cout << "pannier " << pannier::library_version() << '\n';
  return pannier::library_version() == pannier::version ? 0 : 1;
}
