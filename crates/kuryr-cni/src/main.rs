//! The CNI plugin as a program of its own, small and static.

fn main() -> std::process::ExitCode {
    kuryr_cni::main()
}
