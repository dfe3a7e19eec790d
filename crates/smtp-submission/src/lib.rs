//! The MSA: takes mail from the domain's own people.
