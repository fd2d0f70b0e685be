// The library as a file: what it shows, what loading it does, its flat header, and the example program.
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <set>
#include <sstream>

#include "shop.hpp"

namespace {

struct Ran {
  int status;
  std::string output;
};

/// Runs a command of the shell.
Ran run(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Ran ran{};
  std::array<char, 4096> block{};
  for (std::size_t got; (got = std::fread(block.data(), 1, block.size(), pipe)) > 0;) ran.output.append(block.data(), got);
  const int status = pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
  return ran;
}

std::string read(const std::string& file) {
  std::ifstream in(file);
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The functions that a header declares: every pnr_ name before a parenthesis, but for function pointer types.
std::set<std::string> functions(const std::string& header) {
  std::set<std::string> names;
  for (std::size_t at = header.find("pnr_"); at != std::string::npos; at = header.find("pnr_", at + 1)) {
    const auto end = header.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_", at);
    if (end == std::string::npos || header[end] != '(' || header.find("*/", at) < header.find("/*", at)) continue;
    names.insert(header.substr(at, end - at));
  }
  return names;
}

const std::string library = PNR_TEST_LIBRARY, header = PNR_TEST_HEADER, flat = PNR_TEST_FLAT_HEADER;

}  // namespace

TEST_CASE("c: the library shows the functions of its header and nothing else", "[c][library]") {
  const auto declared = functions(read(header));
  REQUIRE(declared.size() > 40);
  const auto nm = run("nm -D --defined-only '" + library + "'");
  REQUIRE(nm.status == 0);
  std::set<std::string> shown;
  std::istringstream lines(nm.output);
  std::string address, kind, name;
  while (lines >> address >> kind >> name) {
    INFO(name);
    CHECK(kind == "T");
    shown.insert(name);
  }
  CHECK(shown == declared);
}

TEST_CASE("c: the library's name is that of its interface's version", "[c][library]") {
  const auto read_elf = run("readelf -d '" + library + "'");
  REQUIRE(read_elf.status == 0);
  const std::string version = pnr_version();
  CHECK(read_elf.output.find("[libpannier.so." + version.substr(0, version.find('.')) + "]") != std::string::npos);
}

TEST_CASE("c: the header is C99 and C++ alone, and needs no other header before it", "[c][library]") {
  const auto folder = header.substr(0, header.rfind('/'));
  for (const std::string compiler : {"cc -x c -std=c99 -pedantic", "c++ -x c++ -std=c++11 -pedantic"}) {
    const auto compiled = run("printf '#include \"pannier.h\"\\n#include \"pannier.h\"\\n' | " + compiler +
                              " -Wall -Wextra -Werror -fsyntax-only -I'" + folder + "' - 2>&1");
    INFO(compiler << "\n" << compiled.output);
    CHECK(compiled.status == 0);
  }
}

TEST_CASE("c: the flat header declares every function without a preprocessor", "[c][library]") {
  const auto text = read(flat);
  CHECK(text.find('#') == std::string::npos);
  CHECK(text.find("/*") == std::string::npos);
  CHECK(functions(text) == functions(read(header)));
  // The types that an FFI brings along, then the header; and both headers agree on every declaration.
  const auto compiled = run("(printf '#include <stddef.h>\\n#include <stdint.h>\\n#include <stdbool.h>\\n'; cat '" + flat +
                            "') | cc -x c -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only - 2>&1");
  INFO(compiled.output);
  CHECK(compiled.status == 0);
}

#if !defined(__SANITIZE_THREAD__)  // The thread sanitizer keeps a thread of its own.
TEST_CASE("c: loading the library, serving and forking leaves one thread, and the child answers the same", "[c][library]") {
  const auto ran = run("'" PNR_TEST_FORK "' '" + library + "' '" + shop::trained() + "' u1 2>&1");
  INFO(ran.output);
  CHECK(ran.status == 0);
  CHECK(ran.output.find("the child answers the same") != std::string::npos);
}
#endif

TEST_CASE("c: the example recommends, and a click changes its answer", "[c][library]") {
  const shop::Copy copy;
  const auto ran = run("'" PNR_TEST_EXAMPLE "' '" + copy.path() + "' u1 2>&1");
  INFO(ran.output);
  REQUIRE(ran.status == 0);
  const auto list = [&](const std::string& title) {
    const auto begin = ran.output.find(title + " (");
    REQUIRE(begin != std::string::npos);
    const auto lines = ran.output.find('\n', begin) + 1;
    return ran.output.substr(lines, ran.output.find("\nRec", lines) - lines);
  };
  CHECK(list("Recommended").find("Pr\xC3\xA9sent b") != std::string::npos);
  CHECK(list("Recommended").find("because of") != std::string::npos);
  CHECK(list("Similar to the first").find("Pr\xC3\xA9sent b") != std::string::npos);
  CHECK(ran.output.find("Recorded 1 click on ") != std::string::npos);
  CHECK(list("Recommended") != list("Recommended after the click"));

  CHECK(run("'" PNR_TEST_EXAMPLE "' 2>&1").status == 2);
  const auto missing = run("'" PNR_TEST_EXAMPLE "' '" + copy.path() + "-missing' u1 2>&1");
  CHECK(missing.status == 1);
  CHECK(missing.output.find("not_found") != std::string::npos);
}
