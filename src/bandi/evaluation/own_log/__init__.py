"""Any past traffic of a service, evaluable: propensities recomputed from the state at each decision of its own log."""
