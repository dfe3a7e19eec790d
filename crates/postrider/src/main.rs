//! The executable: command line, supervisor, demo.
fn main() {}
