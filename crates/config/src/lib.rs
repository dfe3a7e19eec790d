//! Text to checked sections; errors with their line.
