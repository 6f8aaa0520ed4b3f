//! The contract suite over the simulator.

provision_testkit::contract_tests!("scaleway", provision_scaleway::Scaleway);
