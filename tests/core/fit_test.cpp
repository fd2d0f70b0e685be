#include "pannier/core/fit.hpp"

#include <atomic>
#include <stdexcept>
#include <vector>

#include "pannier/core/error.hpp"
#include "support/catch.hpp"

using namespace pannier;

TEST_CASE("fit: a checkpoint reports what it is told", "[core][fit]") {
  std::vector<std::string> seen;
  FitControl control;
  control.progress = [&](const Progress& p) { seen.push_back(std::string(p.stage) + " " + std::to_string(p.done) + "/" + std::to_string(p.total)); };
  checkpoint(control, "epoch", 1, 4);
  checkpoint(control, "reading", 7, 0);
  REQUIRE(seen == std::vector<std::string>{"epoch 1/4", "reading 7/0"});
  REQUIRE_NOTHROW(checkpoint({}, "epoch", 1, 4));
}

TEST_CASE("fit: a stop asked before or by the report cancels", "[core][fit]") {
  std::stop_source source;
  int reports = 0;
  FitControl control{.progress = [&](const Progress&) { ++reports, source.request_stop(); }, .stop = source.get_token()};
  for (int n = 0; n < 2; ++n) {
    try {
      checkpoint(control, "epoch", 3, 9);
      FAIL("went on");
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::cancelled);
      REQUIRE_THAT(error.what(), Contains("epoch: stopped after 3 of 9"));
    }
  }
  REQUIRE(reports == 1);
}

TEST_CASE("fit: a look at the stop alone reports nothing", "[core][fit]") {
  std::stop_source source;
  int reports = 0;
  const FitControl control{.progress = [&](const Progress&) { ++reports; }, .stop = source.get_token()};
  stop_checkpoint(control, "epoch", 1, 9);
  source.request_stop();
  REQUIRE_THROWS_WITH(stop_checkpoint(control, "epoch", 3, 9), StartsWith("epoch: stopped after 3 of 9"));
  REQUIRE(reports == 0);
}

TEST_CASE("fit: copies of a control report one at a time", "[core][fit]") {
  std::atomic<int> inside{0};
  std::atomic<bool> overlapped{false};
  int total = 0;  // unguarded on purpose: the gate guards it
  FitControl control;
  control.progress = [&](const Progress&) {
    if (inside++ != 0) overlapped = true;
    ++total;
    --inside;
  };
  parallel_blocks({.threads = 4}, 4000, 1, [&](std::size_t begin, std::size_t, std::size_t) {
    const FitControl copy = control;
    checkpoint(copy, "block", begin, 4000);
  });
  REQUIRE_FALSE(overlapped);
  REQUIRE(total == 4000);
}

TEST_CASE("fit: an exception of the report ends the call and the next one still reports", "[core][fit]") {
  int reports = 0;
  FitControl control;
  control.progress = [&](const Progress&) {
    if (++reports == 1) throw std::runtime_error("enough");
  };
  REQUIRE_THROWS_WITH(checkpoint(control, "epoch", 1, 2), "enough");
  checkpoint(control, "epoch", 2, 2);
  REQUIRE(reports == 2);
}
