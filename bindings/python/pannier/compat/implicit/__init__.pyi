from . import als as als, approximate_als as approximate_als, bpr as bpr, cpu as cpu, gpu as gpu, lmf as lmf, nearest_neighbours as nearest_neighbours
