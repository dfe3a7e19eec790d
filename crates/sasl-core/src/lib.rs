//! SASL exchanges and verifier formats.
