#![doc = include_str!("../README.md")]

pub mod account;
pub mod accounts;
pub mod args;
pub mod budget;
mod causes;
pub mod check;
pub mod cleanup;
pub mod clock;
pub mod context;
pub mod controller;
pub mod controllers;
mod counting;
pub mod crd;
pub mod engine;
pub mod failure;
pub mod health;
pub mod lease;
pub mod managed;
pub mod mapping;
pub mod metrics;
pub mod options;
pub mod orphans;
pub mod own_cloud;
pub mod permissions;
pub mod run;
pub mod scope;
mod secrets;
