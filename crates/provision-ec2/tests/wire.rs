//! Pins every request.
