//! The contract that every provider keeps, over the simulator.

provision_testkit::contract_tests!("vultr", provision_vultr::Vultr);
