"""Progress, interruption and the interpreter lock."""

import os
import signal
import sys
import threading
import types

import pytest

import pannier

from conftest import random_matrix


def test_progress_is_told_to_a_function(X):
    told = []
    pannier.IALS(factors=4, epochs=5, threads=1).fit(X, progress=lambda *at: told.append(at))
    assert told and all(isinstance(stage, str) and done <= total for stage, done, total in told)
    assert told[-1][1] == told[-1][2]


def test_what_progress_raises_ends_the_fit_and_arrives(X):
    class Enough(Exception):
        pass

    def stop(*_):
        raise Enough

    model = pannier.IALS(factors=4, epochs=10000)
    with pytest.raises(Enough):
        model.fit(X, progress=stop)
    assert model.item_factors_ is None


def test_an_interrupt_ends_a_fit():
    X = random_matrix(400, 200, 0.2)
    # Sent while the fit runs: epochs enough for minutes.
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        pannier.IALS(factors=32, epochs=10000).fit(X)
    timer.join()


def test_other_threads_run_during_a_fit():
    ran, finished = threading.Event(), threading.Event()

    def other():
        ran.set()
        finished.wait(60)

    def progress(*_):
        # The other thread can only have started if this one gave the lock up.
        assert ran.wait(60)

    thread = threading.Thread(target=other)
    thread.start()
    pannier.IALS(factors=8, epochs=5).fit(random_matrix(), progress=progress)
    finished.set()
    thread.join()


def test_a_bar_is_drawn_where_tqdm_is_installed(X, monkeypatch):
    bars = []

    class Bar:
        def __init__(self, total, desc, leave):
            self.total, self.desc, self.n, self.closed = total, desc, 0, False
            bars.append(self)

        def update(self, by):
            self.n += by

        def close(self):
            self.closed = True

    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    module = types.ModuleType("tqdm.auto")
    module.tqdm = Bar
    monkeypatch.setitem(sys.modules, "tqdm.auto", module)
    pannier.IALS(factors=4, epochs=5, threads=1).fit(X, progress=True)
    assert bars and all(bar.closed for bar in bars) and bars[-1].n == bars[-1].total


def test_progress_without_tqdm_is_silent(X, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    pannier.IALS(factors=4, epochs=1).fit(X, progress=True)


def test_progress_of_another_type_is_refused(X):
    with pytest.raises(pannier.InvalidArgument, match="progress"):
        pannier.Popular().fit(X, progress="yes")
