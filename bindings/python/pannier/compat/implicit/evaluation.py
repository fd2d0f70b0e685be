"""Splits and ranking metrics as implicit defines them."""

import numpy as np
from scipy.sparse import csr_matrix

from ..._errors import InvalidArgument
from . import _shared
from .utils import check_random_state

USERS_A_BATCH = 1000


def _parts(ratings, in_test):
    """(train, test) of a COO matrix."""
    return tuple(csr_matrix((ratings.data[part], (ratings.row[part], ratings.col[part])), shape=ratings.shape, dtype=ratings.dtype) for part in (~in_test, in_test))


def train_test_split(ratings, train_percentage=0.8, random_state=None):
    """(train, test): every entry goes to train with the probability train_percentage, and else, where it is not negative, to test."""
    ratings = ratings.tocoo()
    train, test = _parts(ratings, check_random_state(random_state).random(len(ratings.data)) >= train_percentage)
    test.data[test.data < 0] = 0
    test.eliminate_zeros()
    return train, test


def leave_k_out_split(ratings, K=1, train_only_size=0.0, random_state=None):
    """(train, test): K entries of every user with more than K + 1 go to test, but of a share train_only_size of the users."""
    K = _shared.count_of(K, "K")
    if not 0.0 <= train_only_size < 1.0:
        raise InvalidArgument("train_only_size", f"is {train_only_size}", "a number from 0 to below 1")
    ratings, random = ratings.tocoo(), check_random_state(random_state)
    counts = np.bincount(ratings.row, minlength=ratings.shape[0])
    tested = counts > K + 1
    if train_only_size > 0:
        users = np.flatnonzero(counts)
        tested[random.choice(users, size=max(1, int(len(users) * train_only_size)), replace=False)] = False
    # The first K of each user's entries in an order of chance.
    order = np.lexsort((random.random(len(ratings.data)), ratings.row))
    place = np.arange(len(order)) - (np.cumsum(counts) - counts)[ratings.row[order]]
    in_test = np.zeros(len(order), bool)
    in_test[order] = (place < K) & tested[ratings.row[order]]
    return _parts(ratings, in_test)


def ranking_metrics_at_k(model, train_user_items, test_user_items, K=10, show_progress=True, num_threads=1):
    """precision, map, ndcg and auc of the K best items of every user with test entries, as a dict. Precision is over all hits that were possible; the AUC takes what was not
    listed as in no order. num_threads and show_progress have no effect: the model has threads of its own."""
    K, train, test = _shared.count_of(K, "K"), train_user_items.tocsr(), test_user_items.tocsr()
    if train.shape != test.shape:
        raise InvalidArgument("test_user_items", f"has the shape {test.shape}", f"that of train_user_items, {train.shape}")
    users = np.flatnonzero(np.diff(test.indptr))
    gains = 1 / np.log2(np.arange(2, K + 2))
    best_gains = np.cumsum(gains)
    hits_in_all = possible = precision_sum = gain_sum = auc_sum = 0.0
    for begin in range(0, len(users), USERS_A_BATCH):
        asked = users[begin:begin + USERS_A_BATCH]
        ids, _ = model.recommend(asked, train[asked], N=K)
        own = test[asked]
        # One sorted key an entry: batches are small enough for 64 bits.
        keys = np.sort(np.repeat(np.arange(len(asked), dtype=np.int64), np.diff(own.indptr)) * test.shape[1] + own.indices)
        wanted = np.arange(len(asked), dtype=np.int64)[:, None] * test.shape[1] + ids
        hits = ((keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted) & (ids >= 0)).astype(np.float64)
        so_far, relevant = np.cumsum(hits, axis=1), np.diff(own.indptr).astype(np.float64)
        reachable = np.minimum(K, relevant)
        hits_in_all += hits.sum()
        possible += reachable.sum()
        precision_sum += ((hits * so_far / np.arange(1, hits.shape[1] + 1)).sum(axis=1) / reachable).sum()
        gain_sum += ((hits * gains[:hits.shape[1]]).sum(axis=1) / best_gains[reachable.astype(int) - 1]).sum()
        others, missed = test.shape[1] - relevant, (1 - hits).sum(axis=1)
        ordered = ((1 - hits) * so_far).sum(axis=1) + (so_far[:, -1] + relevant) / 2 * (others - missed)
        auc_sum += np.divide(ordered, relevant * others, out=np.ones_like(ordered), where=others > 0).sum()
    if len(users) == 0:
        return dict.fromkeys(("precision", "map", "ndcg", "auc"), float("nan"))
    return {"precision": float(hits_in_all / possible), "map": float(precision_sum / len(users)), "ndcg": float(gain_sum / len(users)), "auc": float(auc_sum / len(users))}


def precision_at_k(model, train_user_items, test_user_items, K=10, show_progress=True, num_threads=1):
    """The precision of ranking_metrics_at_k()."""
    return ranking_metrics_at_k(model, train_user_items, test_user_items, K, show_progress, num_threads)["precision"]


def mean_average_precision_at_k(model, train_user_items, test_user_items, K=10, show_progress=True, num_threads=1):
    """The mean average precision of ranking_metrics_at_k()."""
    return ranking_metrics_at_k(model, train_user_items, test_user_items, K, show_progress, num_threads)["map"]


def ndcg_at_k(model, train_user_items, test_user_items, K=10, show_progress=True, num_threads=1):
    """The NDCG of ranking_metrics_at_k()."""
    return ranking_metrics_at_k(model, train_user_items, test_user_items, K, show_progress, num_threads)["ndcg"]


def AUC_at_k(model, train_user_items, test_user_items, K=10, show_progress=True, num_threads=1):
    """The AUC of ranking_metrics_at_k()."""
    return ranking_metrics_at_k(model, train_user_items, test_user_items, K, show_progress, num_threads)["auc"]


__all__ = ["train_test_split", "leave_k_out_split", "ranking_metrics_at_k", "precision_at_k", "mean_average_precision_at_k", "ndcg_at_k", "AUC_at_k"]
