"""How a judge of confidence is fitted and measured: examples, their features, the fit and its figures."""
