"""Thompson samples of a Gaussian process (GPyTorch, by BoTorch's model of one metric).

Matern's covariance with nu = 5/2 and a length for each column, whose prior grows with the number of columns
(Hvarfner et al., ICML 2024), so that few designs do not fit many lengths to noise.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from botorch.models import SingleTaskGP
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from botorch.optim.fit import fit_gpytorch_mll_scipy
from gpytorch.mlls import ExactMarginalLogLikelihood
from linear_operator.utils.cholesky import psd_safe_cholesky
from numpy.typing import NDArray

from agents.torch_state import one_thread

Floats = NDArray[np.float64]
_JITTERS = 6  # tries, each ten times as much, to make the covariance of the candidates positive definite


def thompson_samples(
    x: Floats, y: Floats, candidates: Floats, n: int, rng: np.random.Generator, steps: int
) -> Floats:
    """(n, C) functions drawn from the process given y (N,) at x (N, D), at the candidates (C, D).

    Columns from 0 to 1. steps: of L-BFGS, at most, to tune the process. Where y tells nothing (fewer than two
    designs, or all alike) the functions are constant.
    """
    spread = float(y.std()) if len(y) > 1 else 0.0
    middle = float(y.mean()) if len(y) else 0.0
    if spread == 0.0:
        return np.full((n, len(candidates)), middle)
    luck = torch.from_numpy(rng.standard_normal((len(candidates), n)))
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fit that used up its steps: it is an answer too
        model = _fitted(torch.from_numpy(x), torch.from_numpy((y - middle) / spread), steps)
        with torch.no_grad():
            found: Any = model(torch.from_numpy(candidates))
            root = psd_safe_cholesky(found.covariance_matrix, max_tries=_JITTERS)
            drawn = found.mean.unsqueeze(1) + root @ luck
    samples: Floats = middle + spread * drawn.T.numpy()
    return samples


def _fitted(x: torch.Tensor, y: torch.Tensor, steps: int) -> SingleTaskGP:
    covariance = get_covar_module_with_dim_scaled_prior(ard_num_dims=x.shape[1], use_rbf_kernel=False)
    model = SingleTaskGP(x, y.unsqueeze(1), covar_module=covariance, outcome_transform=None)
    fit_gpytorch_mll_scipy(ExactMarginalLogLikelihood(model.likelihood, model), options={"maxiter": steps})
    model.eval()
    return model
