//! The `mirrorgan` command.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    mirrorgan::cli::main()
}

#[cfg(target_arch = "wasm32")]
fn main() {}
