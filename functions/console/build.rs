//! Links the program at fixed addresses: no relocations to store, nor to apply at each start (docs/decisions.md).

fn main() {
    println!("cargo::rustc-link-arg-bins=-no-pie");
    println!("cargo::rerun-if-changed=build.rs");
}
