//! Tells the command for which machine it is built: the journal's header names it.

fn main() {
    let target = std::env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=TIELINE_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}
