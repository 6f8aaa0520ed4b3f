#![doc = include_str!("../README.md")]

pub mod inlets;
mod token;

pub use token::AuthToken;
