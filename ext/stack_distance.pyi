import numpy as np
from numpy.typing import ArrayLike, NDArray

def stack_distances(line: ArrayLike) -> NDArray[np.int64]: ...
