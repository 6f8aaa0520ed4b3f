//! The command line tool `provision`; everything is in the library beside it.

fn main() -> std::process::ExitCode {
    provision_cli::main()
}
