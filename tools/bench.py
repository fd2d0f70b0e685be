#!/usr/bin/env python3
"""Runs the benchmarks and writes build/bench/results.json and a picture a group.

ONLY=core,data,cf,serve,retrieval picks groups; FULL=1 takes the full sizes; PEERS=1 also installs the peers into a virtual environment under
build/bench and pairs with them, ours and theirs in turn in one process.
"""

import html
import json
import math
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "release"
OUT = ROOT / "build" / "bench"
GROUPS = ["core", "data", "cf", "serve", "retrieval"]
PEERS = ["numpy==1.26.4", "scipy==1.13.1", "implicit==0.7.3", "threadpoolctl==3.5.0"]
RETRIEVAL_PEERS = ["hnswlib==0.8.0", "faiss-cpu==1.15.1", "usearch==2.26.6"]


def machine():
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def compile_flags():
    cache = (BUILD / "CMakeCache.txt").read_text().splitlines()
    values = dict(line.split("=", 1) for line in cache if "=" in line and not line.startswith(("#", "//")))
    kind = values.get("CMAKE_BUILD_TYPE:STRING", "Release")
    return " ".join(filter(None, [kind, values.get("CMAKE_CXX_FLAGS:STRING", ""),
                                  values.get(f"CMAKE_CXX_FLAGS_{kind.upper()}:STRING", "")]))


def record(name, ours, threads, runs, **more):
    base = {"name": name, "ours_s": ours, "peer": None, "peer_s": None, "ratio": None, "quality_ours": None, "quality_peer": None,
            "threads": threads, "runs": runs, "machine": machine(), "flags": compile_flags()}
    return base | more


def data_folder():
    folder = pathlib.Path(os.environ.get("PANNIER_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None


def google_benchmarks(groups, full):
    """Median of three repetitions of each benchmark, with the spread."""
    names = subprocess.run([BUILD / "bench" / "pannier_bench", "--benchmark_list_tests"], capture_output=True, text=True,
                           check=True).stdout.split("\n")
    wanted = [n for n in names if n.split("/")[0] in groups and "/small" not in n and (full or "/full" not in n)]
    records = []
    for name in wanted:
        print(f"  {name}", end="", flush=True)
        pattern = "^" + "".join(c if c.isalnum() or c in "/_" else "." for c in name) + "$"
        done = subprocess.run([BUILD / "bench" / "pannier_bench", f"--benchmark_filter={pattern}", "--benchmark_format=json",
                               "--benchmark_repetitions=3", "--benchmark_min_time=0.2"], capture_output=True, text=True, check=True)
        runs = [run for run in json.loads(done.stdout)["benchmarks"] if run["run_type"] == "iteration"]
        scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}[runs[0]["time_unit"]]
        times = sorted(run["real_time"] * scale for run in runs)
        extra = {key: runs[0][key] for key in ("items_per_second", "bytes_per_second", "flop/s", "label") if key in runs[0]}
        threads = 2 if "2_threads" in name else 1
        records.append(record(name, times[len(times) // 2], threads, len(times), spread_s=[times[0], times[-1]], **extra))
        print(f"   {times[len(times) // 2]:.3g} s ({times[0]:.3g} to {times[-1]:.3g})", flush=True)
    return records


def retail_store():
    """The store of the real shop beside the project, trained once; None where that data is not there."""
    folder = data_folder()
    file = folder / "uci-online-retail-ii-2009-2010" / "online_retail_2009_2010.tsv.gz" if folder else None
    if file is None or not file.exists():
        print("  the real shop's data is not beside the project (PANNIER_DATA): skipped")
        return None
    store = OUT / "retail-store"
    if not (store / "CURRENT").exists():
        subprocess.run([BUILD / "bindings" / "cli" / "pannier", "train", "--events", file, "--map",
                        "user=customer_id,item=stock_code,time=invoice_date,quantity=quantity,price=unit_price_gbp,order=invoice,"
                        "item_name=description,country=country", "--kind", "purchase", "--on-error", "skip", "--store", store],
                       check=True, stdout=subprocess.DEVNULL)
    return store


def latencies():
    records = []
    for shop, store in (("simulated", None), ("retail", retail_store())):
        if shop == "retail" and store is None:
            continue
        arguments = ["--store", store] if store else []
        done = subprocess.run([BUILD / "bench" / "pannier_latency", *arguments], capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            row = json.loads(line)
            name = f"{row['name']}/{shop}"
            print(f"  {name}   p50 {row['p50_us']:.1f} us, p99 {row['p99_us']:.1f} us")
            records.append(record(name, row["p50_us"] * 1e-6, 1, row["count"], p99_s=row["p99_us"] * 1e-6, personal=row["personal"]))
    return records


def searches(full):
    """Exact searches beside scoring every item, one thread."""
    folder = data_folder()
    train = folder / "lightgcn-gowalla" / "train.txt.gz" if folder else None
    arguments = (["--train", train] if train and train.exists() else []) + (["--full"] if full else [])
    done = subprocess.run([BUILD / "bench" / "pannier_retrieval", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    records = []
    for line in done.stdout.splitlines():
        row = json.loads(line)
        print(f"  {row['name']}   p50 {row['p50_us']:.1f} us, p99 {row['p99_us']:.1f} us, scoring all {row['brute_p50_us']:.0f} us, exact {row['exact']:.3f}")
        records.append(record(row["name"], row["p50_us"] * 1e-6, 1, row["count"], peer="scoring every item in FP32", peer_s=row["brute_p50_us"] * 1e-6,
                              ratio=row["brute_p50_us"] / row["p50_us"], quality_ours=row["exact"], quality_peer=1.0, p99_s=row["p99_us"] * 1e-6,
                              **{key: row[key] for key in ("batch_us", "touched", "scored", "build_s", "memory", "level")}))
    return records


def with_peers(groups):
    """Pairs ours with the peers in one process; see bench/peers.py."""
    venv = OUT / "venv"
    if not (venv / "bin" / "python").exists():
        subprocess.run(["/usr/bin/python3", "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin" / "pip", "-q", "install", *PEERS, *(RETRIEVAL_PEERS if "retrieval" in groups else [])], check=True)
    environment = dict(os.environ, PYTHONPATH=str(BUILD / "bindings" / "python"), OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        environment.pop(name, None)
    store = retail_store() if "serve" in groups else None
    done = subprocess.run([venv / "bin" / "python", ROOT / "bench" / "peers.py", ",".join(groups), str(store or ""), str(data_folder() or ""), os.environ.get("FULL", "")], env=environment,
                          stdout=subprocess.PIPE, text=True, check=True)
    records = []
    for line in done.stdout.splitlines():
        row = json.loads(line)
        print(f"  {row['name']}   ours {row['ours_s']:.3g} s, {row['peer']} {row['peer_s']:.3g} s: {row['ratio']:.2f} times")
        records.append(record(**{"name": row.pop("name"), "ours": row.pop("ours_s"), "threads": row.pop("threads"), "runs": row.pop("runs")}, **row))
    return records


def duration(seconds):
    """1.5 s, 12 ms, 3.4 us, 80 ns."""
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)):
        if seconds >= size * 0.9995 or unit == "ns":
            return f"{seconds / size:.3g} {unit}"


def picture(group, records):
    """Horizontal bars on a logarithmic axis of seconds: ours, and the peer's below where there is one. Shorter is better."""
    bars = []
    for r in records:
        bars.append((r["name"].replace("/manual_time", "").replace("/real_time", ""), r["ours_s"], "#0072b2"))
        if r["peer_s"]:
            bars.append((r["peer"], r["peer_s"], "#e69f00"))
    left = min(460, 20 + 7 * max(len(name) for name, _, _ in bars))
    right, top, row = 880, 64, 24
    low = math.floor(math.log10(min(b[1] for b in bars)) - 0.05)
    high = max(low + 1, math.ceil(math.log10(max(b[1] for b in bars))))
    bottom = top + row * len(bars) + 4
    place = lambda seconds: left + (right - left) * (math.log10(seconds) - low) / (high - low)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {bottom + 34}" width="960" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="10" y="22" font-size="15">{html.escape(group)}: time of one run, logarithmic; shorter is better</text>',
             f'<text x="10" y="40" fill="#555">{html.escape(machine())}</text>']
    if any(r["peer_s"] for r in records):
        parts.append('<rect x="760" y="12" width="12" height="12" fill="#0072b2"/><text x="778" y="22">pannier</text>'
                     '<rect x="850" y="12" width="12" height="12" fill="#e69f00"/><text x="868" y="22">peer</text>')
    step = max(1, math.ceil((high - low) / 8))
    for power in range(low, high + 1, step):
        x = place(10.0 ** power)
        parts.append(f'<line x1="{x:.1f}" y1="{top - 6}" x2="{x:.1f}" y2="{bottom}" stroke="{"#555" if power == low else "#ddd"}"/>'
                     f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="#555">{duration(10.0 ** power)}</text>')
    for k, (name, seconds, colour) in enumerate(bars):
        y = top + row * k
        shown = name if 7 * len(name) <= left - 20 else name[:(left - 27) // 7] + "…"
        parts.append(f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{html.escape(shown)}</text>'
                     f'<rect x="{left}" y="{y}" width="{max(1.0, place(seconds) - left):.1f}" height="17" fill="{colour}"/>'
                     f'<text x="{place(seconds) + 6:.1f}" y="{y + 13}">{duration(seconds)}</text>')
    (OUT / f"{group}.svg").write_text("\n".join(parts + ["</svg>"]) + "\n")


def main():
    groups = [g for g in os.environ.get("ONLY", "").replace("|", ",").split(",") if g] or GROUPS
    for group in groups:
        if group not in GROUPS:
            sys.exit(f"ONLY: '{group}' is no group; expected some of {', '.join(GROUPS)}")
    OUT.mkdir(parents=True, exist_ok=True)
    print(f"{machine()}; {compile_flags()}")
    records = google_benchmarks(set(groups), os.environ.get("FULL") == "1") if set(groups) - {"serve", "retrieval"} else []
    if "serve" in groups:
        records += latencies()
    if "retrieval" in groups:
        records += searches(os.environ.get("FULL") == "1")
    if os.environ.get("PEERS") == "1":
        records += with_peers(groups)
    (OUT / "results.json").write_text(json.dumps(records, indent=1) + "\n")
    for group in groups:
        mine = [r for r in records if r["name"].split("/")[0] == group]
        if mine:
            picture(group, mine)
    print(f"{len(records)} results in {(OUT / 'results.json').relative_to(ROOT)}, pictures beside it")


if __name__ == "__main__":
    main()
