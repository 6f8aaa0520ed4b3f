//! The contract suite over the simulator.

#[test]
fn keeps_the_contract() {
    panic!("FILL-IN: run the contract suite, as in the tests of the other providers");
}
