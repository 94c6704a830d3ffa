"""Training strategies and gradient estimators."""
