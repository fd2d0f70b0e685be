"""One class a code of failure, all under Error."""


class Error(Exception):
    """What failed: at `where`, `what` was found; it may be `allowed` (may be empty). `code` names the class of failure."""

    code = "error"

    def __init__(self, where, what, allowed=""):
        # Not OSError's constructor, which would read the texts as an errno.
        BaseException.__init__(self, where, what, allowed)
        self.where = where
        self.what = what
        self.allowed = allowed

    def __str__(self):
        return f"{self.where}: {self.what}" + (f"; expected {self.allowed}" if self.allowed else "")


class InvalidArgument(Error, ValueError):
    """A mistake of the caller: an argument, option or setting out of its range."""

    code = "invalid_argument"


class NotFound(Error, FileNotFoundError):
    """A file, store or generation that is not there."""

    code = "not_found"


class MalformedInput(Error, ValueError):
    """Bytes that are not what they claim to be."""

    code = "malformed_input"


class IoFailure(Error, OSError):
    """The operating system refused to read or write."""

    code = "io_failure"


class NumericalFailure(Error, ArithmeticError):
    """A fit broke down."""

    code = "numerical_failure"


class Cancelled(Error):
    """Stopped on request."""

    code = "cancelled"


class OutOfMemory(Error, MemoryError):
    """An allocation failed, or would exceed what was allowed."""

    code = "out_of_memory"


class Unsupported(Error, NotImplementedError):
    """Valid, but not in this build or of a newer version."""

    code = "unsupported"


class ReadOnly(Error, PermissionError):
    """A change asked of a store that was opened read-only."""

    code = "read_only"


class BufferTooSmall(Error):
    """A buffer of the caller's; Python never sees it, and the code is listed for completeness."""

    code = "buffer_too_small"


class Internal(Error, RuntimeError):
    """A bug of pannier."""

    code = "internal"


CLASSES = (InvalidArgument, NotFound, MalformedInput, IoFailure, NumericalFailure, Cancelled, OutOfMemory, Unsupported,
           ReadOnly, BufferTooSmall, Internal)


def of_code(code, where, what, allowed):
    """The error of a code of the C++ library; codes count from 1."""
    return CLASSES[code - 1](where, what, allowed)


__all__ = ["Error", *(cls.__name__ for cls in CLASSES)]
