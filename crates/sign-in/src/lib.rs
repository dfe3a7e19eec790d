//! Answers every protocol's credential question.
