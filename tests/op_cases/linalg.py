"""Products, diagonals, linear systems, decompositions, Fourier transforms."""

import numpy as np
import scipy.linalg

from op_cases import Case, complexes, integers, normal
from treadle.ir.ops.decompositions import (
    cholesky,
    eig,
    eigh,
    lu_with_permutation,
    qr,
    singular_values,
    svd_with_vectors,
)
from treadle.ir.ops.diagonals import band_part, matrix_diag, matrix_diag_part, matrix_set_diag
from treadle.ir.ops.elementwise import abs_, add, multiply
from treadle.ir.ops.fourier import fourier, fourier_of_real, fourier_to_real
from treadle.ir.ops.linalg import einsum, eye, matmul
from treadle.ir.ops.matrix_functions import expm, sqrtm
from treadle.ir.ops.rules import as_operand
from treadle.ir.ops.solving import adjoint, det, inv, product, slogdet, solve, triangular_solve


def _swapped(x, on):
    return np.swapaxes(x, -1, -2) if on else x


def _roots(x):
    return np.stack([scipy.linalg.sqrtm(a) for a in x]).astype(x.dtype)


def _matmul(a, b, transpose_a=False, transpose_b=False):
    return np.matmul(_swapped(a, transpose_a), _swapped(b, transpose_b))


def _matmuls():
    shapes = [((3, 2), (2, 4)), ((2, 3, 2), (2, 4)), ((3, 2), (2, 2, 4)), ((2, 3, 2), (2, 2, 4)),
              ((2, 1, 3, 2), (3, 2, 1))]
    for a, b in shapes:
        for ta in (False, True):
            for tb in (False, True):
                x, y = normal(*a), normal(*b)
                x, y = _swapped(x, ta).copy(), _swapped(y, tb).copy()
                yield Case(matmul, x, y, attributes={"transpose_a": ta, "transpose_b": tb}, reference=_matmul)


def _square(n=3, dtype=np.float64):
    x = complexes(2, n, n, dtype=dtype) if np.dtype(dtype).kind == "c" else normal(2, n, n, dtype=dtype)
    return (x + 2 * np.eye(n)).astype(dtype)


def positive_cholesky(x):
    """The Cholesky factor of a positive definite matrix made from any."""
    gram = product(x, x, adjoint_b=True)
    return cholesky(add(gram, as_operand(np.eye(3, dtype=gram.dtype.numpy))))


def _positive_cholesky(x):
    return np.linalg.cholesky(x @ np.conj(_swapped(x, True)) + np.eye(3))


def hermitian_eigh(x):
    """The eigenvalues of a Hermitian matrix made from any, and the absolute values of the vectors (their phase is free)."""
    values, vectors = eigh(add(x, adjoint(x)))
    return values, abs_(vectors)


def _hermitian_eigh(x):
    values, vectors = np.linalg.eigh(x + np.conj(_swapped(x, True)))
    return values, np.abs(vectors)


def phase_free_eig(x):
    """What is unique: the eigenvalues, and the absolute values of the vectors."""
    values, vectors = eig(x)
    return values, abs_(vectors)


def phase_free_svd(x):
    """What is unique: the singular values, the absolute values of the vectors, and products of both."""
    s, u, v = svd_with_vectors(x, full_matrices=False)
    weights = as_operand(np.arange(1, 1 + min(x.type.shape[-2:])).astype(u.dtype.numpy))
    return s, abs_(u), abs_(v), product(multiply(u, weights), v, adjoint_b=True)


def _phase_free_svd(x):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    v = np.conj(_swapped(vh, True))
    return s, np.abs(u), np.abs(v), (u * np.arange(1, 1 + s.shape[-1])) @ vh


def sign_free_qr(x):
    """What is unique: q r, and the absolute values."""
    q, r = qr(x)
    return product(q, r), abs_(q), abs_(r)


def _sign_free_qr(x):
    q, r = np.linalg.qr(x)
    return x, np.abs(q), np.abs(r)


_DOUBLE = (np.float64, np.complex128)

CASES = [
    *_matmuls(),
    Case(matmul, complexes(2, 3), complexes(2, 4), attributes={"transpose_a": True}, reference=_matmul),
    Case(matmul, integers(2, 3), integers(3, 2), reference=_matmul),
    Case(matmul, normal(2, 3, dtype=np.float16), normal(3, 2, dtype=np.float16), reference=_matmul, tolerance=5e-3),
    Case(matmul, normal(0, 3), normal(3, 2), reference=_matmul),
    Case(matmul, normal(2, 0), normal(0, 2), reference=_matmul),
    Case(einsum, normal(2, 3), normal(3, 4), attributes={"equation": "ij,jk->ki"},
         reference=lambda *x, equation: np.einsum(equation, *x)),
    Case(einsum, normal(2, 3, 2), attributes={"equation": "ijk->j"},
         reference=lambda *x, equation: np.einsum(equation, *x)),
    Case(einsum, normal(2, 3), normal(2, 3), normal(3), attributes={"equation": "ij,ij,j->"},
         reference=lambda *x, equation: np.einsum(equation, *x)),
    Case(einsum, complexes(2, 3), complexes(3, 2), attributes={"equation": "ab,bc->ac"},
         reference=lambda *x, equation: np.einsum(equation, *x)),
    Case(eye, attributes={"num_rows": 2, "num_columns": 3, "batch_shape": [2], "dtype": "int32"},
         reference=lambda **_: np.broadcast_to(np.eye(2, 3, dtype=np.int32), (2, 2, 3))),
    # diagonals
    *[Case(matrix_diag, normal(2, n), attributes={"k": k, "num_rows": r, "num_cols": c},
           reference=lambda d, k, num_rows, num_cols: np.stack([_one_diag(row, k, num_rows, num_cols) for row in d]))
      for n, k, r, c in ((3, 0, 3, 3), (3, 1, 3, 4), (2, -1, 3, 2), (3, 0, 3, 5))],
    *[Case(matrix_diag_part, normal(2, 3, 4), attributes={"k": k},
           reference=lambda x, k: np.diagonal(x, k, -2, -1)) for k in (0, 1, -1, 3, -2)],
    *[Case(matrix_set_diag, normal(2, 3, 4), normal(2, n), attributes={"k": k},
           reference=lambda x, d, k: np.stack([_with_diag(a, b, k) for a, b in zip(x, d)]))
      for k, n in ((0, 3), (1, 3), (-1, 2))],
    *[Case(band_part, normal(2, 3, 4), attributes={"num_lower": a, "num_upper": b},
           reference=lambda x, num_lower, num_upper: _band(x, num_lower, num_upper))
      for a, b in ((-1, 0), (0, -1), (1, 1), (-1, -1), (0, 0))],
    # linear systems
    *[Case(solve, _square(dtype=d), _square(dtype=d)[:, :, :2].copy(), attributes={"adjoint": on},
           reference=lambda a, b, adjoint: np.linalg.solve(np.conj(_swapped(a, True)) if adjoint else a, b))
      for on in (False, True) for d in _DOUBLE],
    *[Case(triangular_solve, _square(dtype=d), _square(dtype=d)[:, :, :2].copy(),
           attributes={"lower": low, "adjoint": on},
           reference=lambda a, b, lower, adjoint: _triangular(a, b, lower, adjoint))
      for on in (False, True) for low in (False, True) for d in _DOUBLE],
    Case(solve, _square(), normal(3, 2, dtype=np.float64), reference=np.linalg.solve),
    *[Case(inv, _square(dtype=d), attributes={"adjoint": on},
           reference=lambda a, adjoint: np.linalg.inv(np.conj(_swapped(a, True)) if adjoint else a))
      for on in (False, True) for d in _DOUBLE],
    *[Case(det, _square(dtype=d), reference=np.linalg.det) for d in _DOUBLE],
    Case(slogdet, _square(), reference=lambda a: list(np.linalg.slogdet(a))),
    Case(inv, _square(dtype=np.float32), attributes={"adjoint": False}, tolerance=1e-4,
         reference=lambda a, adjoint: np.linalg.inv(a)),
    # decompositions
    *[Case(positive_cholesky, _square(dtype=d), reference=_positive_cholesky, tolerance=1e-9) for d in _DOUBLE],
    *[Case(hermitian_eigh, _square(dtype=d), reference=_hermitian_eigh, tolerance=1e-9) for d in _DOUBLE],
    *[Case(phase_free_eig, _square(dtype=d), tolerance=1e-9, second=False) for d in _DOUBLE],
    *[Case(phase_free_svd, _square(dtype=d)[:, :, :n].copy(), reference=_phase_free_svd, tolerance=1e-9,
           symbolic=False) for d in _DOUBLE for n in (3, 2)],
    Case(phase_free_svd, _square()[:, :2].copy(), reference=_phase_free_svd, tolerance=1e-9, symbolic=False),
    Case(singular_values, _square()[:, :2].copy(), tolerance=1e-9,
         reference=lambda x: np.linalg.svd(x, compute_uv=False)),
    *[Case(sign_free_qr, x, reference=_sign_free_qr, tolerance=1e-9, symbolic=False)
      for d in _DOUBLE for x in (_square(dtype=d), _square(dtype=d)[:, :, :2].copy(), _square(dtype=d)[:, :2].copy())],
    *[Case(fourier, complexes(2, 3, 4), attributes={"axes": axes, "inverse": inverse},
           reference=lambda x, axes, inverse: (np.fft.ifftn if inverse else np.fft.fftn)(x, axes=axes))
      for axes in ((2,), (1,), (0, 2)) for inverse in (False, True)],
    *[Case(fourier_of_real, normal(2, n), attributes={"axes": axes}, reference=lambda x, axes: np.fft.rfftn(x, axes=axes))
      for n in (4, 5) for axes in ((1,), (0, 1))],
    *[Case(fourier_to_real, complexes(2, 3), attributes={"axes": axes, "length": n}, symbolic=False,
           reference=lambda x, axes, length: np.fft.irfftn(x, [*[2] * (len(axes) - 1), length], axes))
      for n in (4, 5) for axes in ((1,), (0, 1))],
    *[Case(expm, _square(dtype=d) * scale, reference=scipy.linalg.expm, tolerance=1e-9, gradient=scale == 1)
      for d in _DOUBLE for scale in (1, 6)],
    Case(expm, _square(dtype=np.float32), reference=scipy.linalg.expm, tolerance=2e-4, gradient=False),
    *[Case(sqrtm, 0.2 * _square(dtype=d) + np.eye(3), reference=_roots, tolerance=1e-9) for d in _DOUBLE],
    Case(sqrtm, np.float32(0.2) * _square(dtype=np.float32) + np.eye(3, dtype=np.float32), reference=_roots,
         tolerance=2e-5, gradient=False),
    Case(lu_with_permutation, _square(), tolerance=1e-9, gradient=False),
    Case(lambda x: lu_with_permutation(x)[0], _square(), tolerance=1e-9, name="lu"),
]


def _one_diag(row, k, rows, columns):
    found = np.zeros((rows, columns), row.dtype)
    for i, value in enumerate(row):
        found[i - min(k, 0), i + max(k, 0)] = value
    return found


def _with_diag(matrix, row, k):
    place = _one_diag(np.ones_like(row), k, *matrix.shape) == 1
    return np.where(place, _one_diag(row, k, *matrix.shape), matrix)


def _band(x, lower, upper):
    rows, columns = x.shape[-2:]
    above = np.arange(columns)[None, :] - np.arange(rows)[:, None]
    inside = ((lower < 0) | (-above <= lower)) & ((upper < 0) | (above <= upper))
    return np.where(inside, x, 0).astype(x.dtype)


def _triangular(a, b, lower, adjoint):
    a = np.tril(a) if lower else np.triu(a)
    return np.linalg.solve(np.conj(_swapped(a, True)) if adjoint else a, b)


