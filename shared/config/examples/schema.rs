//! Prints the JSON Schema of `dougong.toml`, as it is shipped in `config/dougong.schema.json`.

#![allow(clippy::print_stdout, reason = "it is what this is for")]

fn main() {
    print!("{}", dougong_config::schema());
}
