//! The message format: structure, header fields, envelope and body structure, reports.
