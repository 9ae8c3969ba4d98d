//! Lists the validation cases of the repository, so that a new case adds a file and no code.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../../validation");
    let mut list = String::from("&[\n");
    for kind in ["analytic", "published", "peer", "field"] {
        let folder = root.join(kind);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut cases: Vec<_> = fs::read_dir(&folder)?.collect::<Result<_, _>>()?;
        cases.sort_by_key(fs::DirEntry::file_name);
        for case in cases {
            let file = case.path().join("case.toml");
            if !file.is_file() {
                continue;
            }
            println!("cargo::rerun-if-changed={}", file.display());
            let name = format!("validation/{kind}/{}/case.toml", case.file_name().to_string_lossy());
            list.push_str(&format!("    ({name:?}, include_str!({:?})),\n", file.display().to_string()));
        }
    }
    list.push_str("]\n");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("validation_cases.rs"), list)
}
