/// Damaged files under the engine: refused by an error, or answered; never a crash (these run under the sanitizers too).
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/data/event.hpp"
#include "pannier/serve/engine.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;
using test::Folder;

namespace {

constexpr std::string_view tiny_config =
    R"({"models": [{"name": "popular"}, {"name": "item_knn", "neighbours": 3}, {"name": "ials", "factors": 2, "epochs": 1}]})";

/// Asks for everything there is; what may not happen is anything but an answer or an Error.
void ask_everything(serve::Engine& engine) {
  serve::EngineWorkspace workspace;
  serve::Response response;
  const std::vector<ItemKey> session{item_key("i1"), item_key("i2")};
  for (const auto& id : {"i1", "i2", "i5"}) {
    const ItemKey key = item_key(id);
    try {
      engine.answer({.op = serve::Op::similar, .items = std::span(&key, 1), .explain = true}, workspace, response);
      CHECK(data::is_utf8(serve::to_json(response)));
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::invalid_argument);  // The damage took the item.
    }
  }
  for (const serve::Request& request : {serve::Request{.session = session, .count = 100, .explain = true},
                                        serve::Request{.user = "u1", .count = 100, .exclude_seen = false, .exclude_bought = true, .explain = true},
                                        serve::Request{.user = "nobody", .explain = true}}) {
    engine.answer(request, workspace, response);
    CHECK(data::is_utf8(serve::to_json(response)));
  }
}

}  // namespace

TEST_CASE("engine: a generation with any byte flipped or any length cut is refused or answers", "[serve][engine]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  test::train_lines(*store, folder, test::two_tastes(6, 6, 4), tiny_config);
  const auto bytes = test::bytes_of(store->folder() / "generations" / "00000001.pnr");
  std::size_t answered = 0, refused = 0;
  const auto try_bytes = [&](std::span<const std::byte> damaged) {
    try {
      const auto engine = serve::Engine::open(damaged);
      for (const auto& line : test::two_tastes(2, 6, 4)) {
        const auto event = test::event_of(line);
        engine->record(std::span(&event, 1));
      }
      ask_everything(*engine);
      ++answered;
    } catch (const Error&) {
      ++refused;
    }
  };
  try_bytes(bytes);
  REQUIRE(answered == 1);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    INFO("flipped at " << at);
    auto damaged = bytes;
    damaged[at] ^= std::byte{static_cast<unsigned char>(1u << at % 8)};
    try_bytes(damaged);
  }
  for (std::size_t length = 0; length < bytes.size(); length += 13) {
    INFO("cut to " << length);
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    const auto before = answered;
    try_bytes(cut);
    REQUIRE(answered == before);
  }
  REQUIRE(refused > 0);
}

#if PANNIER_WITH_SQLITE
TEST_CASE("engine: a store whose people file is damaged is refused or answers", "[serve][engine]") {
  const Folder folder;
  {
    const auto store = test::open_store(folder);
    test::train_lines(*store, folder, test::two_tastes(6, 6, 4), tiny_config);
  }
  const auto file = folder / "store/people.sqlite";
  const auto bytes = test::bytes_of(file);
  std::size_t answered = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 199) {
    INFO("flipped at " << at);
    auto damaged = bytes;
    damaged[at] ^= std::byte{0x55};
    std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(damaged.data()), static_cast<std::streamsize>(damaged.size()));
    try {
      ask_everything(*serve::Engine::open(test::open_store(folder, store::Store::Mode::read_only)));
      ++answered;
    } catch (const Error&) {
    }
  }
  REQUIRE(answered > 0);
}
#endif
