"""Small helpers that callers of implicit import."""

import time
import warnings

import numpy as np


class ParameterWarning(Warning):
    """An argument was accepted that costs a conversion."""


def nonzeros(m, row):
    """(column, value) of each entry of a row of a CSR matrix."""
    for place in range(m.indptr[row], m.indptr[row + 1]):
        yield m.indices[place], m.data[place]


def check_csr(user_items):
    """`user_items` as CSR, with a ParameterWarning where it had to be converted."""
    if getattr(user_items, "format", None) == "csr":
        return user_items
    begin = time.perf_counter()
    if hasattr(user_items, "tocsr"):
        converted = user_items.tocsr()
    else:
        from scipy.sparse import csr_matrix

        converted = csr_matrix(user_items)
    warnings.warn(f"a CSR matrix is expected; {type(user_items).__name__} was converted in {time.perf_counter() - begin:.3f} seconds", ParameterWarning, stacklevel=3)
    return converted


def check_random_state(random_state):
    """A numpy Generator of a seed, a RandomState, a Generator or None."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31))
    return np.random.default_rng(random_state)


def check_blas_config():
    """Nothing to check: pannier calls no BLAS."""


def augment_inner_product_matrix(factors):
    """(largest length, factors with a column that makes all rows that long): the largest inner products are then the largest cosines."""
    lengths = np.linalg.norm(factors, axis=1)
    longest = lengths.max()
    return longest, np.column_stack([factors, np.sqrt(np.maximum(longest**2 - lengths**2, 0))])


__all__ = ["ParameterWarning", "nonzeros", "check_csr", "check_random_state", "check_blas_config", "augment_inner_product_matrix"]
