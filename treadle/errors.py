"""`tf.errors`: the exceptions treadle raises."""

from treadle.ir.errors import (
    DtypeError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    OpError,
    OutOfRangeError,
    StagingError,
    UnimplementedError,
)

__all__ = ["DtypeError", "FailedPreconditionError", "InternalError", "InvalidArgumentError", "NotFoundError", "OpError",
           "OutOfRangeError", "StagingError", "UnimplementedError"]
