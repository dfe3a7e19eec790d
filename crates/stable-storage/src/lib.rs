//! What reaches stable storage, and wakes those who wait.
