//! The binary `provision-operator`; everything is in the library beside it.

fn main() -> std::process::ExitCode {
    provision_operator::run::main()
}
