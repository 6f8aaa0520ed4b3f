//! The contract that every provider keeps, over the simulator.

provision_testkit::contract_tests!("azure", provision_azure::Azure);
