"""Item vectors that numpy wrote, from the command line."""

import json

import numpy as np
import pytest


@pytest.fixture(scope="module")
def tastes(tmp_path_factory):
    """Two tastes of people and items, by parity, as files of both formats, and vectors that know them."""
    folder, draw = tmp_path_factory.mktemp("vectors"), np.random.default_rng(4)
    with open(folder / "train.txt", "w") as train, open(folder / "test.txt", "w") as test, open(folder / "events.csv", "w") as events:
        events.write("time,kind,user,item\n")
        for user in range(60):
            items = [2 * int(item) + user % 2 for item in draw.permutation(20)[:8]]
            train.write(" ".join(map(str, [user, *items[:6]])) + "\n")
            test.write(" ".join(map(str, [user, *items[6:]])) + "\n")
            for hour, item in enumerate(items):
                events.write(f"2024-01-01 {hour:02}:00,purchase,u{user},{item}\n")
    V = np.array([[1 - item % 2, item % 2] for item in range(40)], dtype=np.float32)
    arrays = {"ids": np.array([str(item) for item in range(40)]), "vectors": V}
    np.savez(folder / "items.npz", **arrays)
    np.savez_compressed(folder / "packed.npz", **{**arrays, "vectors": np.asfortranarray(V, dtype=np.float64)}, bias=np.zeros(40))
    np.savez(folder / "objects.npz", ids=arrays["ids"].astype(object), vectors=V)
    return folder


@pytest.mark.parametrize("file", ["items.npz", "packed.npz"])
def test_evaluate_ranks_by_vectors(pannier, tastes, file):
    done = pannier("evaluate", "--model", "vectors", "--vectors", tastes / file, "--train", tastes / "train.txt", "--test", tastes / "test.txt", "--format", "lightgcn", "--json")
    assert done.code == 0, done.err
    answer = done.json
    # All 14 others of the right taste score alike and before those of the wrong one.
    assert answer["metrics"]["recall@20"] == 1 and answer["config"] == {"fold_in": "mean", "l2": 0.1}


def test_train_serves_vectors_alone_and_in_a_blend(pannier, tastes, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"models": [{"name": "popular"}, {"name": "vectors", "fold_in": "ridge"}, {"name": "blend", "members": "popular,vectors"}],
                                                      "serving": {"personal": "vectors"}}))
    done = pannier("train", "--store", tmp_path / "shop", "--events", tastes / "events.csv", "--vectors", tastes / "items.npz", "--config", tmp_path / "config.json", "--json")
    assert done.code == 0, done.err
    assert done.json["vectors"] == {"read": 40, "dimensions": 2, "bias": False, "unknown_items": 0, "without_events": 0, "items_without_vector": 0}
    page = pannier("recommend", "--store", tmp_path / "shop", "--user", "u1", "--explain", "--json").json
    assert page["policy"] == "personal" and all(int(item["item"]) % 2 == 1 for item in page["items"])
    assert page["items"][0]["reasons"][0]["kind"] == "because_of"
    assert "vectors of 40 items" in pannier("train", "--store", tmp_path / "shop", "--vectors", tastes / "packed.npz").out


def test_what_is_no_vectors_file_is_refused_by_name(pannier, tastes, tmp_path):
    evaluate = ["evaluate", "--model", "vectors", "--train", tastes / "train.txt", "--test", tastes / "test.txt", "--format", "lightgcn"]
    for file, what in [("objects.npz", "array ids holds Python objects"), ("train.txt", "is no zip archive"), ("absent.npz", "there is no such file")]:
        done = pannier(*evaluate, "--vectors", tastes / file)
        assert done.code == 1 and what in done.err and file in done.err
    assert "none are given" in pannier(*evaluate).err
    done = pannier("train", "--store", tmp_path / "shop", "--events", tastes / "events.csv", "--vectors", tastes / "objects.npz", "--json")
    assert done.code == 1 and json.loads(done.err)["error"]["code"] == "malformed_input" and not (tmp_path / "shop").exists()
