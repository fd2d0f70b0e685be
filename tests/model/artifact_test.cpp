#include "pannier/model/artifact.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "support/catch.hpp"
#include "support/scratch.hpp"

namespace {

using namespace pannier;
using pannier::model::Artifact;
using pannier::model::ArtifactWriter;
using pannier::model::Check;
using pannier::test::Scratch;
namespace fs = std::filesystem;

std::vector<std::byte> bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> chars((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::vector<std::byte> bytes(chars.size());
  if (!chars.empty()) std::memcpy(bytes.data(), chars.data(), chars.size());
  return bytes;
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator{}));
}

constexpr std::array<std::uint32_t, 3> counts = {7, 8, 9};
constexpr std::string_view words = "some words, no multiple of 64 bytes long, so that padding follows after it";

fs::path write_small(const fs::path& file) {
  ArtifactWriter writer(file);
  writer.array("counts", std::span<const std::uint32_t>(counts));
  writer.section("nothing", {});
  writer.section("models/0/words", std::as_bytes(std::span(words)));
  writer.finish(R"({"a":1})");
  return file;
}

/// The code and words of the Error that `call` throws.
template <class Call>
std::pair<ErrorCode, std::string> error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {ErrorCode::ok, "no error"};
}

template <class T>
T number_at(const std::vector<std::byte>& bytes, std::size_t at) {
  T number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

}  // namespace

TEST_CASE("artifact: what is written is read back, from a file and from bytes", "[model][artifact]") {
  const Scratch scratch;
  const auto file = write_small(scratch.folder() / "small.pnr");
  const auto bytes = bytes_of(file);
  const auto check_one = [&](const Artifact& artifact) {
    CHECK(artifact.manifest_json() == R"({"a":1})");
    CHECK(artifact.names() == std::vector<std::string>{"counts", "manifest", "models/0/words", "nothing"});
    CHECK(artifact.has("counts"));
    CHECK_FALSE(artifact.has("count"));
    const auto section = artifact.section("counts");
    REQUIRE(section.size() == sizeof counts);
    CHECK(std::memcmp(section.data(), counts.data(), sizeof counts) == 0);
    CHECK(artifact.section("nothing").empty());
    CHECK(artifact.section("models/0/words").size() == words.size());
    CHECK(artifact.size_bytes() == fs::file_size(file));
    for (const auto& name : artifact.names())
      CHECK(reinterpret_cast<std::uintptr_t>(artifact.section(name).data()) % 64 == 0);
    CHECK_THROWS_WITH(artifact.section("count"), Contains("has no section 'count'"));
  };
  for (const auto check : {Check::structure, Check::full}) {
    check_one(*Artifact::open(file, check));
    std::vector<std::byte> shifted(bytes.size() + 64);
    for (const std::size_t shift : {0u, 1u, 8u, 63u}) {  // most of them not at a multiple of 64
      std::copy(bytes.begin(), bytes.end(), shifted.begin() + static_cast<std::ptrdiff_t>(shift));
      check_one(*Artifact::open(std::span(shifted).subspan(shift, bytes.size()), check));
    }
  }
}

TEST_CASE("artifact: the bytes lie where the specification says", "[model][artifact]") {
  const Scratch scratch;
  const auto bytes = bytes_of(write_small(scratch.folder() / "small.pnr"));
  CHECK(std::memcmp(bytes.data(), "PNRGEN\r\n", 8) == 0);
  CHECK(number_at<std::uint32_t>(bytes, 8) == 1);
  CHECK(number_at<std::uint32_t>(bytes, 12) == 64);
  CHECK(number_at<std::uint64_t>(bytes, 16) == bytes.size());
  // counts at 64, nothing at 128 too, words (74 bytes) at 128, the manifest at 256, the table at 320.
  CHECK(number_at<std::uint32_t>(bytes, 64) == 7);
  CHECK(std::memcmp(bytes.data() + 128, words.data(), words.size()) == 0);
  CHECK(std::memcmp(bytes.data() + 256, R"({"a":1})", 7) == 0);
  CHECK(number_at<std::uint64_t>(bytes, 24) == 320);
  CHECK(number_at<std::uint64_t>(bytes, 32) == bytes.size() - 320);
  CHECK(number_at<std::uint64_t>(bytes, 40) == hash64(std::span(bytes).subspan(320)));
  CHECK(number_at<std::uint64_t>(bytes, 48) == 0);
  CHECK(number_at<std::uint64_t>(bytes, 56) == hash64(std::span(bytes).first(56)));
  CHECK(number_at<std::uint32_t>(bytes, 320) == 4);
  CHECK(std::memcmp(bytes.data() + 324, "\6counts", 7) == 0);
  CHECK(number_at<std::uint64_t>(bytes, 331) == 64);
  CHECK(number_at<std::uint64_t>(bytes, 339) == 12);
  CHECK(number_at<std::uint64_t>(bytes, 347) == hash64(std::span(bytes).subspan(64, 64)));  // padding and all
}

TEST_CASE("artifact: every flipped bit is refused by the full check", "[model][artifact]") {
  const Scratch scratch;
  const auto bytes = bytes_of(write_small(scratch.folder() / "small.pnr"));
  auto damaged = bytes;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      damaged[at] ^= static_cast<std::byte>(1 << bit);
      const auto [code, what] = error_of([&] { (void)Artifact::open(damaged, Check::full, "small"); });
      if (code != ErrorCode::malformed_input || !what.starts_with("small")) FAIL("byte " << at << " bit " << bit << ": " << what);
      damaged[at] = bytes[at];
    }
  }
}

TEST_CASE("artifact: a flipped byte in header, table or manifest is refused by the structure check too", "[model][artifact]") {
  const Scratch scratch;
  const auto bytes = bytes_of(write_small(scratch.folder() / "small.pnr"));
  auto damaged = bytes;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    damaged[at] ^= std::byte{0x5A};
    const auto [code, what] = error_of([&] { (void)Artifact::open(damaged, Check::structure); });
    const bool structural = at < 64 || at >= 256;
    CHECK(code == (structural ? ErrorCode::malformed_input : ErrorCode::ok));
    damaged[at] = bytes[at];
  }
}

TEST_CASE("artifact: every truncated length and every extra byte is refused", "[model][artifact]") {
  const Scratch scratch;
  const auto file = write_small(scratch.folder() / "small.pnr");
  const auto bytes = bytes_of(file);
  for (const auto check : {Check::structure, Check::full}) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK(error_of([&] { (void)Artifact::open(cut, check); }).first == ErrorCode::malformed_input);
    }
    auto longer = bytes;
    longer.push_back(std::byte{0});
    CHECK(error_of([&] { (void)Artifact::open(longer, check); }).first == ErrorCode::malformed_input);
  }
  for (const std::uintmax_t size : {std::uintmax_t{200}, std::uintmax_t{63}, std::uintmax_t{0}}) {
    fs::resize_file(file, size);
    const auto [code, what] = error_of([&] { (void)Artifact::open(file, Check::structure); });
    CHECK(code == ErrorCode::malformed_input);
    CHECK_THAT(what, StartsWith(file.string() + ": is " + std::to_string(size) + " bytes long"));
  }
}

TEST_CASE("artifact: a table with true checksums and wrong places is refused", "[model][artifact]") {
  const Scratch scratch;
  const auto bytes = bytes_of(write_small(scratch.folder() / "small.pnr"));
  const auto with_sums = [](std::vector<std::byte> changed) {
    const auto table = number_at<std::uint64_t>(changed, 24);
    const auto table_sum = hash64(std::span(changed).subspan(table));
    std::memcpy(changed.data() + 40, &table_sum, 8);
    const auto header_sum = hash64(std::span(changed).first(56));
    std::memcpy(changed.data() + 56, &header_sum, 8);
    return changed;
  };
  CHECK(error_of([&] { (void)Artifact::open(with_sums(bytes), Check::full); }).first == ErrorCode::ok);
  const auto with_number = [&](std::size_t at, auto number) {
    auto changed = bytes;
    std::memcpy(changed.data() + at, &number, sizeof number);
    return with_sums(std::move(changed));
  };
  const auto message = [&](const std::vector<std::byte>& changed) {
    const auto [code, what] = error_of([&] { (void)Artifact::open(changed, Check::structure); });
    CHECK(code == ErrorCode::malformed_input);
    return what;
  };
  const std::vector<std::uint64_t> wrong = {0, 1, 63, 65, 128, 1u << 20, ~std::uint64_t{0}, ~std::uint64_t{0} - 63, std::uint64_t{1} << 63};
  for (const auto offset : wrong) CHECK_THAT(message(with_number(331, offset)), Contains("'counts'"));
  for (const std::uint64_t size : {std::uint64_t{65}, std::uint64_t{1} << 20, ~std::uint64_t{0}, ~std::uint64_t{0} - 63})
    CHECK_FALSE(message(with_number(339, size)).empty());
  for (const std::uint32_t count : {0u, 1u, 3u, 5u, 0xFFFFFFFFu}) CHECK_FALSE(message(with_number(320, count)).empty());
  for (const char letter : {'C', ' ', '\0', '.'}) CHECK_THAT(message(with_number(325, letter)), Contains("no name of a section"));
  CHECK_FALSE(message(with_number(48, std::uint64_t{1})).empty());  // reserved
  CHECK_FALSE(message(with_number(12, std::uint32_t{128})).empty());
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{321}, ~std::uint64_t{0}}) {
    auto changed = bytes;
    std::memcpy(changed.data() + 32, &size, 8);
    const auto header_sum = hash64(std::span(changed).first(56));
    std::memcpy(changed.data() + 56, &header_sum, 8);
    CHECK_THAT(message(changed), Contains("section table"));
  }
  const auto [code, what] = error_of([&] { (void)Artifact::open(with_number(8, std::uint32_t{2}), Check::structure); });
  CHECK(code == ErrorCode::unsupported);
  CHECK_THAT(what, Contains("format version 2; expected version 1"));
}

TEST_CASE("artifact: what is no file of ours is refused by name", "[model][artifact]") {
  const Scratch scratch;
  const auto absent = scratch.folder() / "absent.pnr";
  CHECK(error_of([&] { (void)Artifact::open(absent, Check::full); }) ==
        std::pair(ErrorCode::not_found, absent.string() + ": cannot be opened: No such file or directory; expected a readable file"));
  CHECK(error_of([&] { (void)Artifact::open(scratch.folder(), Check::full); }).first == ErrorCode::io_failure);
  const auto text = scratch.write("text.pnr", std::string(100, 'x'));
  CHECK_THAT(error_of([&] { (void)Artifact::open(text, Check::full); }).second, Contains("does not begin as a pannier file"));
}

TEST_CASE("artifact: a writer that does not finish leaves nothing", "[model][artifact]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "unfinished.pnr";
  {
    ArtifactWriter writer(file);
    writer.section("words", std::as_bytes(std::span(words)));
    CHECK(files_in(scratch.folder()) == 1);
    CHECK_FALSE(fs::exists(file));
  }
  CHECK(files_in(scratch.folder()) == 0);
}

TEST_CASE("artifact: a writer replaces a file only when it finishes", "[model][artifact]") {
  const Scratch scratch;
  const auto file = write_small(scratch.folder() / "small.pnr");
  const auto old = Artifact::open(file, Check::full);
  const auto before = bytes_of(file);
  ArtifactWriter writer(file), other(file);
  writer.section("other", std::as_bytes(std::span(words)));
  other.section("third", std::as_bytes(std::span(words)));
  CHECK(bytes_of(file) == before);
  writer.finish("{}");
  CHECK(Artifact::open(file, Check::full)->has("other"));
  other.finish("{}");
  CHECK(Artifact::open(file, Check::full)->has("third"));
  CHECK(old->section("models/0/words").size() == words.size());  // who has the old file open keeps it
  CHECK(files_in(scratch.folder()) == 1);
}

TEST_CASE("artifact: a writer refuses bad names and goes on", "[model][artifact]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "names.pnr";
  ArtifactWriter writer(file);
  writer.section("words", {});
  CHECK_THROWS_WITH(writer.section("words", {}), Contains("two sections 'words'"));
  for (const std::string_view name : {"", "Words", "a b", "manifest", "a.b", "é"})
    CHECK(error_of([&] { writer.section(name, {}); }).first == ErrorCode::invalid_argument);
  CHECK(error_of([&] { writer.section(std::string(256, 'a'), {}); }).first == ErrorCode::invalid_argument);
  writer.section(std::string(255, 'a'), {});
  writer.finish("{}");
  CHECK(Artifact::open(file, Check::full)->names().size() == 3);
  CHECK(error_of([&] { writer.section("late", {}); }).first == ErrorCode::invalid_argument);
  CHECK(error_of([&] { writer.finish("{}"); }).first == ErrorCode::invalid_argument);
  const auto nowhere = scratch.folder() / "no" / "folder.pnr";
  CHECK_THAT(error_of([&] { ArtifactWriter lost(nowhere); }).second, StartsWith(nowhere.string()));
}

TEST_CASE("artifact: a killed writer leaves the old file", "[model][artifact]") {
  const Scratch scratch;
  const auto file = write_small(scratch.folder() / "small.pnr");
  const auto before = bytes_of(file);
  const auto child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ArtifactWriter writer(file);
    writer.section("other", std::as_bytes(std::span(words)));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(bytes_of(file) == before);
  CHECK(files_in(scratch.folder()) == 2);  // the half-written one lies beside, under its own name
}

namespace {

/// A reader of one section, for the part of SectionReader that is not virtual.
class OneSection final : public pannier::model::SectionReader {
 public:
  std::span<const std::byte> section(std::string_view) const override { return std::as_bytes(std::span(counts)); }
  std::shared_ptr<const void> keeper() const override { return nullptr; }
  std::string_view config_json() const override { return "{}"; }
};

}  // namespace

TEST_CASE("artifact: a section is read as exactly the values it holds", "[model][artifact]") {
  const OneSection reader;
  CHECK(reader.array<std::uint32_t>("counts", 3)[2] == 9);
  for (const std::size_t count : {std::size_t{0}, std::size_t{2}, std::size_t{4}, ~std::size_t{0}, (~std::size_t{0} >> 2) + 4})
    CHECK(error_of([&] { (void)reader.array<std::uint32_t>("counts", count); }).first == ErrorCode::malformed_input);
  CHECK_THROWS_WITH(reader.array<std::uint64_t>("counts", 1), "section 'counts': is 12 bytes long; expected 1 values of 8 bytes");
}
