"""Black-box searchers: columnar ask and tell, exact resume, no torch."""
