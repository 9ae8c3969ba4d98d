//! Where the published data sets lie, and how their files open.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The folder of the data sets: as named, else beside the project.
pub fn data() -> PathBuf {
    let named = std::env::var_os("TIELINE_DATA").filter(|value| !value.is_empty()).map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")))
}

/// Opens a file plain or packed, in whatever case its folder is written.
pub fn open(root: &Path, file: &str) -> io::Result<Box<dyn Read>> {
    let mut at = root.to_path_buf();
    for part in file.split('/') {
        let mut names = std::fs::read_dir(&at)?.filter_map(|entry| Some(entry.ok()?.path()));
        let packed = format!("{part}.gz");
        let fits = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.eq_ignore_ascii_case(part) || name.eq_ignore_ascii_case(&packed)
        };
        at = names.find(fits).ok_or(io::ErrorKind::NotFound)?;
    }
    Ok(Box::new(File::open(at)?))
}
