import numpy as np
from numpy.typing import ArrayLike, NDArray

def run(
    config: ArrayLike, arrival: ArrayLike, line: ArrayLike, is_write: ArrayLike
) -> tuple[NDArray[np.int64], dict[str, int]]: ...
