"""`tf.linalg`: linear algebra."""

from treadle.ir.ops.decompositions import cholesky, eig, eigh
from treadle.ir.ops.diagonals import band_part
from treadle.ir.ops.linalg import eye
from treadle.ir.ops.matrix_functions import expm, sqrtm
from treadle.ir.ops.solving import det, inv, solve, triangular_solve
from treadle.runtime.composites.linalg import (
    adjoint,
    cross,
    einsum,
    global_norm,
    matmul,
    matrix_transpose,
    matvec,
    norm,
    normalize,
    tensordot,
)
from treadle.runtime.composites.math import l2_normalize
from treadle.runtime.composites.matrices import (
    cholesky_solve,
    diag,
    diag_part,
    eigvals,
    eigvalsh,
    logdet,
    lstsq,
    lu,
    lu_matrix_inverse,
    lu_reconstruct,
    lu_solve,
    matrix_rank,
    pinv,
    qr,
    set_diag,
    slogdet,
    svd,
    tensor_diag,
    tensor_diag_part,
    trace,
)

__all__ = [
    "adjoint", "band_part", "cholesky", "cholesky_solve", "cross", "det", "diag", "diag_part", "eig", "eigh",
    "eigvals", "eigvalsh", "einsum", "expm", "eye", "global_norm", "inv", "l2_normalize", "logdet", "lstsq", "lu",
    "lu_matrix_inverse", "lu_reconstruct", "lu_solve", "matmul", "matrix_rank", "matrix_transpose", "matvec", "norm",
    "normalize", "pinv", "qr", "set_diag", "slogdet", "solve", "sqrtm", "svd", "tensor_diag", "tensor_diag_part",
    "tensordot", "trace", "triangular_solve",
]
