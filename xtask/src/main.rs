//! Workspace tasks.
fn main(){}
