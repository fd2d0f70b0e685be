"""What the models of pannier.compat.implicit have in common."""

import warnings
from abc import ABCMeta, abstractmethod

import numpy as np


class ModelFitError(Exception):
    """Of implicit, for code that catches it; pannier raises NumericalFailure."""


class RecommenderBase(metaclass=ABCMeta):
    """The calls of every model. Rows of `user_items` are users, its columns items."""

    @abstractmethod
    def fit(self, user_items, show_progress=True, callback=None):
        """Fits on a CSR matrix of users by items."""

    @abstractmethod
    def recommend(self, userid, user_items, N=10, filter_already_liked_items=True, filter_items=None, recalculate_user=False, items=None):
        """(ids, scores) of the N best items of a user, or of each of an array of users, of whom `user_items` has a row each."""

    @abstractmethod
    def similar_users(self, userid, N=10, filter_users=None, users=None):
        """(ids, scores) of the N users most similar to a user, or to each of an array of users."""

    @abstractmethod
    def similar_items(self, itemid, N=10, recalculate_item=False, item_users=None, filter_items=None, items=None):
        """(ids, scores) of the N items most similar to an item, or to each of an array of items, itself first."""

    @abstractmethod
    def save(self, file):
        """Writes an .npz file, which implicit reads too."""

    def rank_items(self, userid, user_items, selected_items, recalculate_user=False):
        """recommend() of selected items, those of the user's own among them; implicit deprecates it."""
        warnings.warn("rank_items is deprecated; recommend() takes items", DeprecationWarning, stacklevel=2)
        return self.recommend(userid, user_items, N=len(np.unique(selected_items)), recalculate_user=recalculate_user, items=selected_items, filter_already_liked_items=False)


__all__ = ["ModelFitError", "RecommenderBase"]
