//! The contract that every provider keeps, over the simulator.

provision_testkit::contract_tests!("ec2", provision_ec2::Ec2);
