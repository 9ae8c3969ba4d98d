//! The folder of one run's results: written beside its final name, moved there only when it is whole.
//!
//! Not modelled: two runs that write to the same name at once (the later one finds the earlier one's `.partial` gone).

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The file by which a folder is known to be a result of tieline.
const MARK: &str = "summary.json";
/// Ending of a result in the making.
const PARTIAL: &str = ".partial";
/// Ending of an older result for the moment in which it gives way.
const OLDER: &str = ".older.partial";

/// A result in the making: `FINAL.partial`, until [`OutDir::finish`] gives it its name. Dropped before that, it stays
/// for inspection, and stderr says so.
#[derive(Debug)]
pub struct OutDir {
    partial: PathBuf,
    target: PathBuf,
    finished: bool,
}

impl OutDir {
    /// Makes `FINAL.partial`, empty; a stale one is removed.
    ///
    /// # Errors
    /// Something under the final name that is not a result of tieline (it has no `summary.json`); a folder that cannot
    /// be made.
    pub fn create(final_path: &Path) -> Result<Self> {
        let partial = sibling(final_path, PARTIAL)?;
        refuse_strangers(final_path)?;
        let older = sibling(final_path, OLDER)?;
        if exists(&older)? && !exists(final_path)? {
            // A run was killed between its two renames: the older result gets its name back.
            rename(&older, final_path)?;
        }
        remove(&partial)?;
        fs::create_dir_all(&partial).with_context(|| format!("cannot make the folder {}", partial.display()))?;
        Ok(Self { partial, target: final_path.to_owned(), finished: false })
    }

    /// The folder to write to.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Writes everything through to the disk, moves an older result away, gives this one its name, removes the older.
    /// Whenever it stops, the final name holds the whole older result, the whole new one, or nothing.
    ///
    /// # Errors
    /// A disk or a file system that refuses; what was written then stays under its `.partial` name.
    pub fn finish(mut self) -> Result<()> {
        sync(&self.partial)?;
        refuse_strangers(&self.target)?;
        let older = sibling(&self.target, OLDER)?;
        remove(&older)?;
        let replaces = exists(&self.target)?;
        if replaces {
            rename(&self.target, &older)?;
        }
        if let Err(error) = rename(&self.partial, &self.target) {
            if replaces {
                // Best effort: the error that matters is the one above, and it names both folders.
                let _ = fs::rename(&older, &self.target);
            }
            return Err(error);
        }
        self.finished = true;
        sync_folder(parent(&self.target))?;
        if replaces { remove(&older) } else { Ok(()) }
    }
}

impl Drop for OutDir {
    fn drop(&mut self) {
        if !self.finished {
            eprintln!("tieline: the unfinished result stays in {}", self.partial.display());
        }
    }
}

/// `FINAL` with something appended to its last part.
fn sibling(path: &Path, ending: &str) -> Result<PathBuf> {
    let Some(name) = path.file_name() else { bail!("{} is not a name for a result folder", path.display()) };
    let mut name = OsString::from(name);
    name.push(ending);
    Ok(path.with_file_name(name))
}

fn refuse_strangers(target: &Path) -> Result<()> {
    if !exists(target)? || target.join(MARK).is_file() {
        return Ok(());
    }
    bail!(
        "{} exists and is not a result of tieline (it has no {MARK}); give another --out or move it away",
        target.display()
    )
}

/// Whether anything stands under a name; a link that leads nowhere counts.
fn exists(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", path.display())),
    }
}

fn remove(path: &Path) -> Result<()> {
    let done = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    done.with_context(|| format!("cannot remove {}", path.display()))
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Every file below a folder through to the disk, then the folder itself.
fn sync(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let path = entry.path();
        if entry.file_type().with_context(|| format!("cannot look at {}", path.display()))?.is_dir() {
            sync(&path)?;
        } else {
            let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
            file.sync_all().with_context(|| format!("cannot write {} through to the disk", path.display()))?;
        }
    }
    sync_folder(folder)
}

/// Writes a folder's list of names through to the disk, where the system has such a call.
fn sync_folder(folder: &Path) -> Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let synced = File::open(folder).and_then(|file| file.sync_all());
    synced.with_context(|| format!("cannot write the folder {} through to the disk", folder.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A folder of its own for each test, emptied first.
    fn room(name: &str) -> PathBuf {
        let room = std::env::temp_dir().join(format!("tieline-outdir-{}-{name}", std::process::id()));
        remove(&room).unwrap();
        fs::create_dir_all(&room).unwrap();
        room
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_name_appears_only_when_finished_and_an_older_result_gives_way() {
        let room = room("whole");
        let target = room.join("deep/run");
        for text in ["first", "second"] {
            let out = OutDir::create(&target).unwrap();
            fs::write(out.path().join(MARK), text).unwrap();
            fs::create_dir(out.path().join("inner")).unwrap();
            fs::write(out.path().join("inner/more"), text).unwrap();
            let before = fs::read_to_string(target.join(MARK)).ok();
            assert_eq!(before.as_deref(), (text == "second").then_some("first"), "untouched until finished");
            out.finish().unwrap();
            assert_eq!(fs::read_to_string(target.join(MARK)).unwrap(), text);
            assert_eq!(names(&room.join("deep")), ["run"], "nothing else is left behind");
        }
        remove(&room).unwrap();
    }

    #[test]
    fn a_stranger_is_refused_before_and_after_the_run() {
        let room = room("stranger");
        let target = room.join("run");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("thesis.txt"), "mine").unwrap();
        let refusal = OutDir::create(&target).unwrap_err().to_string();
        assert!(refusal.contains("summary.json") && refusal.contains("run"), "{refusal}");
        assert_eq!(names(&room), ["run"]);
        remove(&target).unwrap();
        let out = OutDir::create(&target).unwrap();
        fs::write(&target, "a file that came meanwhile").unwrap();
        assert!(out.finish().is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "a file that came meanwhile");
        assert_eq!(names(&room), ["run", "run.partial"]);
        remove(&room).unwrap();
    }

    #[test]
    fn an_unfinished_result_stays_and_the_next_run_starts_empty() {
        let room = room("unfinished");
        let target = room.join("run");
        let out = OutDir::create(&target).unwrap();
        fs::write(out.path().join("half"), "half").unwrap();
        drop(out);
        assert_eq!(names(&room), ["run.partial"]);
        assert_eq!(names(&room.join("run.partial")), ["half"]);
        let again = OutDir::create(&target).unwrap();
        assert!(names(again.path()).is_empty());
        drop(again);
        fs::create_dir(room.join("run.older.partial")).unwrap();
        fs::write(room.join("run.older.partial").join(MARK), "older").unwrap();
        drop(OutDir::create(&target).unwrap());
        assert_eq!(fs::read_to_string(target.join(MARK)).unwrap(), "older", "killed between two renames");
        assert!(OutDir::create(Path::new("/")).is_err(), "a path without a name");
        remove(&room).unwrap();
    }
}
