"""Ours and the peers in turn, in one process: prints one JSON object a line. Run by tools/bench.py with PEERS=1.

Quality stands beside each time: recall@20 on held-out pairs for the factorisations and neighbours; for requests, the same items asked of both.
"""

import json
import sys
import time

import implicit
import numpy as np
import pannier
import scipy.sparse as sp

THREADS = 2


def matrix(users, items, events, sigma, clusters=40, seed=1):
    """Taste clusters x Zipf popularity, log-normal degrees."""
    rng = np.random.default_rng(seed)
    degree = rng.lognormal(0, sigma, users)
    degree = np.maximum(1, (degree * events / degree.sum()).astype(np.int64))
    popularity = 1.0 / np.arange(1, items + 1) ** 0.8
    home, taste = rng.integers(0, clusters, items), rng.integers(0, clusters, users)
    row = np.repeat(np.arange(users), degree)
    col = np.empty(len(row), np.int64)
    for cluster in range(clusters):
        weights = np.cumsum(popularity * np.where(home == cluster, 20.0, 1.0))
        pick = np.flatnonzero(taste[row] == cluster)
        col[pick] = np.searchsorted(weights, rng.random(len(pick)) * weights[-1])
    m = sp.csr_matrix((np.ones(len(row), np.float32), (row, np.minimum(col, items - 1))), (users, items))
    m.sum_duplicates()
    m.data[:] = 1
    return m


def hold_out(x, share=0.1, seed=3):
    """A training part and the held-out pairs."""
    keep = np.random.default_rng(seed).random(x.nnz) >= share
    coo = x.tocoo()
    train = sp.csr_matrix((coo.data[keep], (coo.row[keep], coo.col[keep])), x.shape)
    test = sp.csr_matrix((coo.data[~keep], (coo.row[~keep], coo.col[~keep])), x.shape)
    return train, test


def recall(ids, test, rows):
    hits = total = 0
    for line, row in zip(ids, rows):
        held = set(test.indices[test.indptr[row]:test.indptr[row + 1]].tolist())
        hits += len(held & set(line.tolist()))
        total += len(held)
    return hits / max(1, total)


def paired(ours, peer, runs=3):
    """Median seconds of each, in turn."""
    a, b = [], []
    for _ in range(runs):
        for times, call in ((a, ours), (b, peer)):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
    return float(np.median(a)), float(np.median(b)), [min(a), max(a)], [min(b), max(b)]


def show(name, peer, ours_s, peer_s, threads, runs, **more):
    print(json.dumps({"name": name, "ours_s": ours_s, "peer": peer, "peer_s": peer_s, "ratio": peer_s / ours_s, "threads": threads,
                      "runs": runs, **more}), flush=True)


def factorisation():
    for shape, size in (("ml1", (6040, 3706, 910_000, 1.0)), ("shop", (100_000, 20_000, 936_000, 0.8))):
        train, test = hold_out(matrix(*size))
        rows = np.flatnonzero(np.diff(test.indptr))[:5000]
        for factors in (64, 128):
            def ours(epochs):
                return pannier.IALS(factors=factors, epochs=epochs, threads=THREADS, seed=1).fit(train)

            def theirs(iterations):
                model = implicit.als.AlternatingLeastSquares(factors=factors, iterations=iterations, regularization=1.0, alpha=10.0,
                                                             num_threads=THREADS, random_state=1, use_gpu=False)
                model.fit(train, show_progress=False)
                return model
            a, b, sa, sb = paired(lambda: ours(3), lambda: theirs(3))
            a1, b1, _, _ = paired(lambda: ours(1), lambda: theirs(1))
            quality = recall(ours(10).recommend(rows, n=20)[0], test, rows)
            peer = recall(theirs(10).recommend(rows, train[rows], N=20)[0], test, rows)
            show(f"cf/ials_epoch/{shape}/k{factors}", "implicit 0.7.3 ALS, CG 3", max(1e-9, (a - a1) / 2), max(1e-9, (b - b1) / 2), THREADS, 3,
                 quality_ours=quality, quality_peer=peer, spread_fit3_s=sa, peer_spread_fit3_s=sb)
        a, b, sa, sb = paired(lambda: pannier.ItemKNN(neighbours=50, threads=THREADS).fit(train),
                              lambda: implicit.nearest_neighbours.CosineRecommender(K=50, num_threads=THREADS).fit(train, show_progress=False))
        knn = implicit.nearest_neighbours.CosineRecommender(K=50, num_threads=THREADS)
        knn.fit(train, show_progress=False)
        show(f"cf/item_knn_fit/{shape}", "implicit 0.7.3 CosineRecommender", a, b, THREADS, 3, spread_s=sa, peer_spread_s=sb,
             quality_ours=recall(pannier.ItemKNN(neighbours=50, threads=THREADS).fit(train).recommend(rows, n=20)[0], test, rows),
             quality_peer=recall(knn.recommend(rows, train[rows], N=20)[0], test, rows))


def pairwise():
    """The same factors, events and passes; once as plain BPR on both sides, once as ours is by default."""
    for shape, size in (("ml1", (6040, 3706, 910_000, 1.0)), ("shop", (100_000, 20_000, 936_000, 0.8))):
        train, test = hold_out(matrix(*size))
        rows = np.flatnonzero(np.diff(test.indptr))[:5000]

        def ours(epochs, **settings):
            return pannier.BPR(factors=64, epochs=epochs, threads=THREADS, seed=1, **settings).fit(train)

        def theirs(iterations):
            model = implicit.bpr.BayesianPersonalizedRanking(factors=63, iterations=iterations, learning_rate=0.05, regularization=0.01,
                                                             num_threads=THREADS, random_state=1, use_gpu=False)  # 63 and the bias: 64 numbers a row
            model.fit(train, show_progress=False)
            return model
        peer = recall(theirs(40).recommend(rows, train[rows], N=20)[0], test, rows)
        for name, settings in (("plain", {"negatives": 1}), ("default", {})):
            a, b, sa, sb = paired(lambda: ours(6, **settings), lambda: theirs(6))
            a1, b1, _, _ = paired(lambda: ours(1, **settings), lambda: theirs(1))
            show(f"cf/bpr_epoch_{name}/{shape}/k64", "implicit 0.7.3 BPR", max(1e-9, (a - a1) / 5), max(1e-9, (b - b1) / 5), THREADS, 3,
                 quality_ours=recall(ours(40, **settings).recommend(rows, n=20)[0], test, rows), quality_peer=peer, spread_fit6_s=sa,
                 peer_spread_fit6_s=sb)


def drop_in():
    """implicit's classes and pannier.compat.implicit's, called alike: the same loss, settings, matrix and threads."""
    import pannier.compat.implicit as ours_package
    for shape, size in (("ml1", (6040, 3706, 910_000, 1.0)), ("shop", (100_000, 20_000, 936_000, 0.8))):
        train, test = hold_out(matrix(*size))
        rows, everybody = np.flatnonzero(np.diff(test.indptr))[:5000], np.arange(train.shape[0])
        for name, module, cls, settings in (("als_k64", "als", "AlternatingLeastSquares", {"factors": 64, "alpha": 10.0, "regularization": 0.05, "random_state": 1}),
                                            ("als_k128", "als", "AlternatingLeastSquares", {"factors": 128, "alpha": 10.0, "regularization": 0.05, "random_state": 1}),
                                            ("cosine", "nearest_neighbours", "CosineRecommender", {"K": 50}), ("bm25", "nearest_neighbours", "BM25Recommender", {"K": 50}),
                                            ("bpr", "bpr", "BayesianPersonalizedRanking", {"factors": 63, "iterations": 40, "random_state": 1})):
            more = {} if module == "nearest_neighbours" else {"use_gpu": False}
            models = [getattr(getattr(package, module), cls)(num_threads=THREADS, **settings, **(more if package is implicit else {})) for package in (ours_package, implicit)]
            fits = paired(*[lambda model=model: model.fit(train, show_progress=False) for model in models])
            lists = paired(*[lambda model=model: model.recommend(everybody, train, N=20) for model in models])
            quality = [recall(model.recommend(rows, train[rows], N=20)[0], test, rows) for model in models]
            for what, (a, b, sa, sb) in (("fit", fits), ("top20_all", lists)):
                show(f"cf/drop_in_{name}_{what}/{shape}", "implicit 0.7.3", a, b, THREADS, 3, quality_ours=quality[0], quality_peer=quality[1], spread_s=sa, peer_spread_s=sb)


def percentiles(ask, count):
    times = []
    for i in range(count):
        start = time.perf_counter()
        ask(i)
        times.append(time.perf_counter() - start)
    return float(np.percentile(times, 50)), float(np.percentile(times, 99))


def requests(store_path):
    """One known person a call on the real shop, through Python: ours folds in from the store; theirs from a row, known or folded in."""
    if not store_path:
        return
    store = pannier.Store(store_path)
    engine = pannier.Engine(store)
    import sqlite3
    connection = sqlite3.connect(f"file:{store_path}/people.sqlite?mode=ro", uri=True)
    users = [plain for (plain,) in connection.execute("SELECT plain FROM people WHERE sort = 1 ORDER BY number") if plain]
    connection.close()
    users = [users[i] for i in np.random.default_rng(1).permutation(len(users))][:2000]
    items = engine_items(engine, users)
    index = {item: k for k, item in enumerate(sorted({i for row in items for i in row}))}
    x = sp.csr_matrix((np.ones(sum(map(len, items)), np.float32), ([r for r, row in enumerate(items) for _ in row], [index[i] for row in items for i in row])),
                      (len(items), len(index)))
    als = implicit.als.AlternatingLeastSquares(factors=64, iterations=10, num_threads=1, random_state=1, use_gpu=False)
    als.fit(x, show_progress=False)
    rows = [x[r] for r in range(x.shape[0])]
    for user in users[:200]:
        engine.recommend(user=user, n=10)
    for recalculate, name in ((False, "known"), (True, "fold_in")):
        ours = percentiles(lambda i: engine.recommend(user=users[i], n=10), len(users))
        theirs = percentiles(lambda i: als.recommend(i, rows[i], N=10, recalculate_user=recalculate), len(users))
        show(f"serve/recommend/{name}/retail_python", "implicit 0.7.3 ALS, in-process", ours[0], theirs[0], 1, len(users), p99_s=ours[1], peer_p99_s=theirs[1])


def engine_items(engine, users):
    """The items of each user's history, as the engine would leave them out: what everything but them returns."""
    every = {i for i in engine.recommend(user="somebody nobody knows", n=10000).items}
    return [sorted(every - set(engine.recommend(user=user, n=10000).items)) for user in users]


def retrieval(data, full):
    """Single queries on one thread, ours exact and the graphs at the least ef of recall .99, in turn in blocks of 100 queries."""
    import gzip
    import pathlib

    import faiss
    import hnswlib
    from usearch.index import Index

    faiss.omp_set_num_threads(1)
    d, k = 64, 20
    rng = np.random.default_rng(5)
    cases = []
    train = pathlib.Path(data) / "lightgcn-gowalla" / "train.txt.gz" if data else None
    if train and train.exists():
        row, col = [], []
        with gzip.open(train, "rt") as file:
            for line in file:
                user, *items = map(int, line.split())
                row += [user] * len(items)
                col += items
        x = sp.csr_matrix((np.ones(len(row), np.float32), (row, col)))
        model = pannier.IALS(factors=d, epochs=12, threads=THREADS).fit(x)
        cases.append(("gowalla", np.ascontiguousarray(model.item_factors_), np.ascontiguousarray(model.user_factors_[rng.integers(0, x.shape[0], 2000)])))
    for n in (100_000, 1_000_000) if full else (100_000,):
        c = rng.standard_normal((200, d))
        v = (c[rng.integers(0, 200, n)] + .6 * rng.standard_normal((n, d))) * rng.lognormal(-1, .8, (n, 1))
        cases.append((f"clustered/{n // 1000}k", v.astype(np.float32), (c[rng.integers(0, 200, 2000)] + .6 * rng.standard_normal((2000, d))).astype(np.float32)))
        cases.append((f"uniform/{n // 1000}k", rng.standard_normal((n, d)).astype(np.float32), rng.standard_normal((2000, d)).astype(np.float32)))
    for name, v, q in cases:
        index = pannier.VectorIndex(v, threads=1)
        flat = faiss.IndexFlatIP(d)
        flat.add(v)
        truth = flat.search(q[:500], k)[1]

        def recall_of(ids):
            return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(np.asarray(ids).tolist(), truth.tolist())]))

        def hnsw_of_hnswlib():
            h = hnswlib.Index("ip", d)
            h.init_index(len(v), ef_construction=200, M=16)
            h.set_num_threads(THREADS)
            h.add_items(v)
            h.set_num_threads(1)
            return h.set_ef, lambda rows: h.knn_query(rows, k)[0]

        def hnsw_of_faiss():
            h = faiss.IndexHNSWFlat(d, 16, faiss.METRIC_INNER_PRODUCT)
            h.hnsw.efConstruction = 200
            h.add(v)

            def set_ef(ef):
                h.hnsw.efSearch = ef
            return set_ef, lambda rows: h.search(rows, k)[1]

        def hnsw_of_usearch():
            h = Index(ndim=d, metric="ip", connectivity=16, expansion_add=200)
            h.add(np.arange(len(v)), v, threads=THREADS)

            def set_ef(ef):
                h.expansion_search = ef
            return set_ef, lambda rows: h.search(rows if len(rows) > 1 else rows[0], k, threads=1).keys.reshape(len(rows), -1)

        peers = {"faiss-cpu 1.15.1 flat": (None, 1.0, lambda rows: flat.search(rows, k))}
        for peer, build in (("hnswlib 0.8.0", hnsw_of_hnswlib), ("faiss-cpu 1.15.1 HNSW", hnsw_of_faiss), ("usearch 2.26.6", hnsw_of_usearch)):
            start = time.perf_counter()
            set_ef, ask = build()
            built = time.perf_counter() - start
            for ef in (20, 40, 80, 160, 320, 640, 1280):
                set_ef(ef)
                recall_at = recall_of(ask(q[:500]))
                if recall_at >= .99:
                    break
            peers[f"{peer}, ef {ef}"] = (built, recall_at, ask)
        ours_recall = recall_of(index.search(q[:500], n=k)[0])
        for peer, (built, quality, ask) in peers.items():
            ours, theirs = [], []
            for begin in range(0, 2000, 100):
                for times, call in ((ours, lambda rows: index.search(rows, n=k)), (theirs, ask)):
                    for one in range(begin, begin + 100):
                        start = time.perf_counter()
                        call(q[one:one + 1])
                        times.append(time.perf_counter() - start)
            show(f"retrieval/{name}/d{d}/top{k}/python", peer, float(np.median(ours)), float(np.median(theirs)), 1, 2000, quality_ours=ours_recall, quality_peer=quality,
                 p99_s=float(np.percentile(ours, 99)), peer_p99_s=float(np.percentile(theirs, 99)), peer_build_s=built)


if __name__ == "__main__":
    wanted = sys.argv[1].split(",")
    if "cf" in wanted:
        factorisation()
        pairwise()
        drop_in()
    if "serve" in wanted:
        requests(sys.argv[2])
    if "retrieval" in wanted:
        retrieval(sys.argv[3], sys.argv[4] == "1")
