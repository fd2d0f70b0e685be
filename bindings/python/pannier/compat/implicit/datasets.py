"""implicit downloads data sets here; pannier fetches nothing."""

raise ImportError("pannier.compat.implicit.datasets: pannier downloads no data sets; the package implicit does, in implicit.datasets")
