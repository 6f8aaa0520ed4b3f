//! Contract cases that have to fail.
