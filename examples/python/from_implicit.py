"""Code that was written for the package implicit, with one import changed. Run it with pannier installed, or with PYTHONPATH set to the build's bindings/python."""

import numpy as np
from scipy.sparse import csr_matrix

# from implicit.als import AlternatingLeastSquares
from pannier.compat.implicit.als import AlternatingLeastSquares

# Two tastes: even users like even items, odd users odd ones; each misses the item of their own number.
users, items = np.meshgrid(np.arange(30), np.arange(30), indexing="ij")
user_items = csr_matrix(((users + items) % 2 == 0) & (users != items), dtype=np.float32)

model = AlternatingLeastSquares(factors=8, regularization=0.05, alpha=2.0, random_state=7)
model.fit(user_items, show_progress=False)

ids, scores = model.recommend(4, user_items[4], N=3)
print("user 4 is missing item", ids[0])

ids, scores = model.recommend(np.arange(30), user_items, N=3)
print("of 30 users, first is the missing item for", int((ids[:, 0] == np.arange(30)).sum()))

ids, scores = model.similar_items(4, N=3)
print("like item 4:", ids[0], "itself, then others of its taste:", all(item % 2 == 0 for item in ids))

# Somebody new, without a refit.
model.partial_fit_users([30], user_items[5])
print("a new user of odd taste gets item", model.recommend(30, user_items[5], N=1)[0][0])
