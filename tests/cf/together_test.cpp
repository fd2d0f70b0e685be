#include "pannier/cf/together.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::fit_together;
using cf::TogetherConfig;

namespace {

conformance::Subject subject(TogetherConfig config) {
  return {.fit = [=](const CsrView& events, const FitControl& control) -> conformance::Model { return fit_together(events, {}, config, control).model; },
          .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return cf::read_together(reader, items); },
          .by_evidence = true};
}

}  // namespace

TEST_CASE("together: keeps the promises of a recommender", "[cf][together]") {
  conformance::check(subject({.minimum_count = 1, .significance = 1}));
}
