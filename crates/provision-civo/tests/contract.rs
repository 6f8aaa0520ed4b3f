//! The contract that every provider keeps, over the simulator.

provision_testkit::contract_tests!("civo", provision_civo::Civo);
