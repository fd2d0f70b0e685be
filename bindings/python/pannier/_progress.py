"""How long calls tell how far they are."""

from ._errors import InvalidArgument


class Progress:
    """What callers give as `progress`, as the function that the library calls: None, or function(stage, done, total).

    False and None are silent, True draws a bar a stage where tqdm is installed, and a function is called as it is.
    """

    def __init__(self, wanted):
        if wanted is not None and not isinstance(wanted, bool) and not callable(wanted):
            raise InvalidArgument("progress", f"is a {type(wanted).__name__}", "True, False or a function")
        self._wanted = wanted
        self._bar = None
        self._stage = None

    def __enter__(self):
        if self._wanted is None or self._wanted is False:
            return None
        if self._wanted is not True:
            return self._wanted
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return None
        self._tqdm = tqdm
        return self._draw

    def _draw(self, stage, done, total):
        if stage != self._stage:
            self.__exit__()
            self._stage = stage
            self._bar = self._tqdm(total=total or None, desc=stage, leave=False)
        self._bar.update(done - self._bar.n)

    def __exit__(self, *_):
        if self._bar is not None:
            self._bar.close()
            self._bar = None
