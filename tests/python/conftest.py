"""A small shop of two tastes, and random matrices."""

import numpy as np
import pytest
import scipy.sparse as sp

import pannier

NOW = 1_706_000_000_000_000  # 2024-01-23, after every event of the shop


def write_shop(folder, users=60, items=20):
    """User u<n> buys items of taste n % 2 (a or b), seven, and one of the other taste."""
    lines, draw = ["time,kind,user,item"], 12345
    for event in range(8):
        for user in range(users):
            draw = (draw * 1664525 + 1013904223) % 2**32
            taste = "ab"[(user % 2) ^ (event == 4)]
            kind = "purchase" if event % 3 == 0 else "view_item"
            lines.append(f"2024-01-{event + 1:02} 10:{user:02}:00,{kind},u{user},{taste}{(draw >> 16) % items}")
    (folder / "events.csv").write_text("\n".join(lines) + "\n")
    catalogue = [f"{taste}{item},Présent {taste}{item},gifts/{taste},{item + 1}.50" for taste in "ab" for item in range(items)]
    (folder / "items.csv").write_text("\n".join(["item,name,category,price", *catalogue]) + "\n", encoding="utf-8")


CONFIG = {"models": [{"name": "popular"}, {"name": "item_knn"}, {"name": "ials", "factors": 8}]}


@pytest.fixture
def shop(tmp_path):
    """A trained store that the test may change."""
    write_shop(tmp_path)
    pannier.train(tmp_path / "store", events=tmp_path / "events.csv", items=tmp_path / "items.csv", config=CONFIG, threads=1)
    return tmp_path / "store"


@pytest.fixture
def engine(shop):
    return pannier.Engine(pannier.Store(shop), clock=lambda: NOW)


def random_matrix(users=50, items=30, density=0.2, seed=3):
    """Canonical CSR of float32 with whole weights from 1 to 4, everyone with something."""
    rng = np.random.default_rng(seed)
    cells = rng.random((users, items)) < density
    cells[np.arange(users), rng.integers(items, size=users)] = True
    return sp.csr_matrix(cells * rng.integers(1, 5, size=cells.shape), dtype=np.float32)


@pytest.fixture
def X():
    return random_matrix()
