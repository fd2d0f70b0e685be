"""The rules of the house as functions over a source tree: each returns a list of "file:line: what is wrong"."""

import re
import subprocess
from pathlib import Path

# Folders of one layer never include each other; a folder includes itself and the layers named here.
LAYERS = {
    "core": 0,
    "data": 1,
    "model": 2,
    "cf": 3, "sequence": 3, "popularity": 3, "retrieval": 3, "segment": 3, "clv": 3, "propensity": 3,
    "rank": 4, "experiment": 4, "evaluate": 4, "monitor": 4,
    "store": 5,
    "serve": 6,
}
MAY_INCLUDE_UP_TO = {0: -1, 1: 0, 2: 1, 3: 2, 4: 2, 5: 2, 6: 5}

# The one header of no folder: it includes every other one.
UMBRELLA = "include/pannier/pannier.hpp"

# Folders of layer 7, which know public headers only.
FACES = ("bindings", "examples", "bench")

# A library that hides behind few files of ours: prefix of the include -> paths that may say it.
HIDDEN_LIBRARIES = {
    "oneapi/tbb": "src/core/", "tbb/": "src/core/",
    "faiss/": "src/retrieval/ann_index",
    "sqlite3.h": "src/store/",
    "zlib.h": "src/",
}

STANDARD_HEADERS = set("""
algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes climits clocale
cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib
cstring ctime cuchar cwchar cwctype deque exception execution filesystem format forward_list fstream functional future
initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory memory_resource mutex new
numbers numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore set shared_mutex source_location
span sstream stack stdexcept stop_token streambuf string string_view strstream syncstream system_error thread tuple
type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
""".split())

SOURCE_ENDINGS = {".hpp", ".cpp", ".h", ".c"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(root: Path, *folders: str):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in SOURCE_ENDINGS:
                yield path


def includes(path: Path):
    """Yields line number, '<' or '"', and the name of each include of a file."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1], match[2]


def folder_of_include(name: str):
    """The folder of ours that an include names: "pannier/cf/ials.hpp" and "cf/solver.hpp" are both cf."""
    parts = name.removeprefix("pannier/").split("/")
    return parts[0] if len(parts) > 1 and parts[0] in LAYERS else None


def check_layers(root: Path):
    problems = []
    for base in ("include/pannier", "src"):
        for path in sources(root, base):
            if path == root / UMBRELLA:
                continue
            where = path.relative_to(root / base).parts
            if len(where) < 2 or where[0] not in LAYERS:
                problems.append(f"{path.relative_to(root)}:1: lies in no folder of the layer table")
                continue
            own = where[0]
            reach = MAY_INCLUDE_UP_TO[LAYERS[own]]
            for number, mark, name in includes(path):
                other = folder_of_include(name)
                at = f"{path.relative_to(root)}:{number}:"
                if ".." in name.split("/"):
                    problems.append(f"{at} includes {name}: name it from the root of include/ or src/")
                elif other is not None and other != own and LAYERS[other] > reach:
                    problems.append(f"{at} {own} (layer {LAYERS[own]}) includes {name} (layer {LAYERS[other]}); "
                                    f"it may include layers up to {reach} and itself")
    return problems


def check_public_headers(root: Path):
    """Public headers include the standard library and pannier/ only."""
    problems = []
    for path in sources(root, "include/pannier"):
        for number, mark, name in includes(path):
            allowed = name in STANDARD_HEADERS if mark == "<" else (
                name.startswith("pannier/") and (root / "include" / name).is_file())
            if not allowed:
                problems.append(f"{path.relative_to(root)}:{number}: a public header includes {mark}{name}; "
                                "only <standard> and \"pannier/...\" are allowed")
    return problems


def check_faces(root: Path):
    """Bindings, examples and benches use public headers, never src/."""
    problems = []
    for path in sources(root, *FACES):
        for number, mark, name in includes(path):
            own = mark == '"' and ((path.parent / name).is_file() or (root / "include" / name).is_file())
            if "src" in name.split("/") or (not own and (root / "src" / name).is_file()):
                problems.append(f"{path.relative_to(root)}:{number}: includes {name} of src/; "
                                "only public headers are allowed here")
    return problems


def check_umbrella(root: Path):
    """The umbrella header includes every public header, in order."""
    umbrella = root / UMBRELLA
    listed = [name for _, _, name in includes(umbrella)]
    headers = sorted(path.relative_to(root / "include").as_posix()
                     for path in sources(root, "include/pannier") if path != umbrella)
    return [] if listed == headers else [
        f"{UMBRELLA}:1: does not list the public headers in order: {name}" for name in
        sorted(set(headers) ^ set(listed)) or ["sort it"]]


def check_hidden_libraries(root: Path):
    """Libraries that stay behind few files, so that they can be switched off or replaced."""
    problems = []
    for path in sources(root, "include", "src", "bindings"):
        file = path.relative_to(root).as_posix()
        for number, mark, name in includes(path):
            for prefix, home in HIDDEN_LIBRARIES.items():
                if name.startswith(prefix) and not file.startswith(home):
                    problems.append(f"{file}:{number}: includes {name}, which only {home}* may")
    return problems


def check_tests_exist(root: Path, exceptions):
    """Every unit, a public header m/u, has a test tests/m/u_test.cpp; `exceptions` maps m/u to the reason."""
    problems = []
    units = {path.relative_to(root / "include/pannier").with_suffix("").as_posix()
             for path in sources(root, "include/pannier") if path != root / UMBRELLA}
    for unit in sorted(units):
        tested = (root / "tests" / f"{unit}_test.cpp").is_file()
        if not tested and unit not in exceptions:
            problems.append(f"include/pannier/{unit}.hpp:1: has no tests/{unit}_test.cpp")
        if tested and unit in exceptions:
            problems.append(f"tests/{unit}_test.cpp:1: exists, so drop {unit} from the exceptions")
    problems += [f"include/pannier/{unit}.hpp: is gone, so drop it from the exceptions"
                 for unit in sorted(set(exceptions) - units)]
    return problems


def check_file_lengths(root: Path, limit=500):
    """A longer file says why on its first line: a comment with the word "lines" or "long"."""
    problems = []
    for path in sources(root, "include", "src", "bindings", "examples", "bench", "tests"):
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > limit and not re.match(r"\s*(//|/\*).*\b(lines|long|longer)\b", lines[0], re.IGNORECASE):
            problems.append(f"{path.relative_to(root)}:1: has {len(lines)} lines and its first does not say why")
    return problems


def tracked_files(root: Path):
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False)
    if listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
        return [root / name for name in names if name and (root / name).is_file()]
    return [path for path in root.rglob("*") if path.is_file() and "build" not in path.relative_to(root).parts]


# Written in pieces, so that this file does not find itself.
MACHINE_PATTERNS = [
    (re.compile(r"(?<![\w.])/(?:work|root|home|Users)" + r"/[\w.-]+"), "a path of one machine"),
    (re.compile(r"\b[A-Z]:\\\\?Users" + r"\\"), "a path of one machine"),
    (re.compile(r"\b(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+\b"), "a private address"),
    (re.compile(r"\b[\w-]+\.(?:internal|intranet|corp|lan)" + r"\b(?!\s*\()"), "a private host"),
]


def check_machine_traces(files, root: Path):
    """No path and no host of the machine that a file was written on."""
    problems = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, what in MACHINE_PATTERNS:
                match = pattern.search(line)
                if match:
                    problems.append(f"{path.relative_to(root)}:{number}: {match[0]} looks like {what}")
    return problems


LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def check_links(files, root: Path):
    """Every relative link of a Markdown page leads to a file."""
    problems = []
    for path in files:
        if path.suffix != ".md":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for target in LINK.findall(line):
                if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
                    problems.append(f"{path.relative_to(root)}:{number}: the link to {target} leads nowhere")
    return problems
