//! An agent's surroundings: listeners, TLS, limits, logging, readiness, and the driver.
