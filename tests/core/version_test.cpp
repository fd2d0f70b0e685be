#include "pannier/core/version.hpp"

#include "support/catch.hpp"

TEST_CASE("version: headers and library are of one version", "[core][version]") {
  REQUIRE(pannier::library_version() == pannier::version);
}
