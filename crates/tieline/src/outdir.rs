//! The folder of one run's results: written beside its final name, moved there only when it is whole.
//!
//! A folder is touched only when every file in it is one that tieline writes; anything else in it is somebody's work. Two
//! runs to one name do not meet: the later one is refused while the earlier one lives.
//!
//! Not modelled: two machines that share a file system (a process of the other one looks dead from here).

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The file without which a folder is no whole result.
const MARK: &str = "summary.json";
/// In a result in the making: the number of the process that makes it.
const RUNNING: &str = "running";
/// What else tieline writes, beside tables (`.parquet`).
const OURS: [&str; 5] = [MARK, RUNNING, "report.html", "journal.tlj", "dispatch.json"];
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
    /// Anything under the final name or its `.partial` that tieline did not write; another run that still writes there; a
    /// folder that cannot be made.
    pub fn create(final_path: &Path) -> Result<Self> {
        let partial = sibling(final_path, PARTIAL)?;
        refuse_strangers(final_path)?;
        let older = sibling(final_path, OLDER)?;
        if exists(&older)? && !exists(final_path)? {
            // A run was killed between its two renames: the older result gets its name back.
            rename(&older, final_path)?;
        }
        refuse_running(&partial)?;
        remove_ours(&partial)?;
        fs::create_dir_all(parent(&partial)).with_context(|| format!("cannot make {}", parent(&partial).display()))?;
        // Fails when another run was quicker: exactly one of them makes the folder.
        fs::create_dir(&partial).with_context(|| format!("cannot make the folder {}", partial.display()))?;
        let made = Self { partial, target: final_path.to_owned(), finished: false };
        let running = made.partial.join(RUNNING);
        fs::write(&running, std::process::id().to_string())
            .with_context(|| format!("cannot write {}", running.display()))?;
        Ok(made)
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
        refuse_strangers(&self.target)?;
        let older = sibling(&self.target, OLDER)?;
        remove_ours(&older)?;
        remove(&self.partial.join(RUNNING))?;
        sync(&self.partial)?;
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
        if replaces { remove_ours(&older) } else { Ok(()) }
    }
}

impl Drop for OutDir {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody writes there any more; where the mark cannot be removed, the process number in it is dead soon.
            let _ = fs::remove_file(self.partial.join(RUNNING));
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

/// Refuses a final name under which something stands that is not a whole result of tieline.
fn refuse_strangers(target: &Path) -> Result<()> {
    if !exists(target)? {
        return Ok(());
    }
    if let Some(stranger) = stranger(target)? {
        bail!(
            "{} exists and is not a result of tieline ({stranger}); give another --out or move it away",
            target.display()
        );
    }
    let empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    let text = fs::read_to_string(target.join(MARK)).unwrap_or_default();
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    if empty || (summary["schema"].is_number() && (summary["scenario"].is_string() || summary["case"].is_string())) {
        return Ok(());
    }
    bail!(
        "{} exists and is not a result of tieline (it has no {MARK} of ours); give another --out or move it away",
        target.display()
    )
}

/// What in a folder tieline did not write, in words.
fn stranger(folder: &Path) -> Result<Option<String>> {
    let looked = || format!("cannot look at {}", folder.display());
    if !fs::symlink_metadata(folder).with_context(looked)?.is_dir() {
        return Ok(Some("it is no folder".to_owned()));
    }
    for entry in fs::read_dir(folder).with_context(looked)? {
        let entry = entry.with_context(looked)?;
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| OURS.contains(&name) || name.ends_with(".parquet"));
        if !ours || !entry.file_type().with_context(looked)?.is_file() {
            return Ok(Some(format!("it holds {}", name.to_string_lossy())));
        }
    }
    Ok(None)
}

/// Removes a folder of ours; refuses one that holds anything else.
fn remove_ours(folder: &Path) -> Result<()> {
    if !exists(folder)? {
        return Ok(());
    }
    if let Some(stranger) = stranger(folder)? {
        bail!("{} is in the way and was not written by tieline ({stranger}); move it away", folder.display());
    }
    remove(folder)
}

/// Refuses a result in the making whose maker still lives.
fn refuse_running(partial: &Path) -> Result<()> {
    let Ok(text) = fs::read_to_string(partial.join(RUNNING)) else { return Ok(()) };
    let Ok(process) = text.trim().parse::<u32>() else { return Ok(()) };
    let lives = if cfg!(target_os = "linux") {
        let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        process == std::process::id() || name.starts_with("tieline")
    } else {
        true
    };
    if lives {
        bail!("another run (process {process}) is writing {}; give another --out", partial.display());
    }
    Ok(())
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

    fn summary(scenario: &str) -> String {
        format!("{{\"schema\": 1, \"scenario\": \"{scenario}\"}}")
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
            fs::write(out.path().join(MARK), summary(text)).unwrap();
            fs::write(out.path().join("operation.parquet"), text).unwrap();
            let before = fs::read_to_string(target.join("operation.parquet")).ok();
            assert_eq!(before.as_deref(), (text == "second").then_some("first"), "untouched until finished");
            out.finish().unwrap();
            assert_eq!(fs::read_to_string(target.join("operation.parquet")).unwrap(), text);
            assert_eq!(names(&room.join("deep")), ["run"], "nothing else is left behind");
            assert_eq!(names(&target), ["operation.parquet", MARK], "no mark of a running process");
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
        assert!(refusal.contains("thesis.txt") && refusal.contains("run"), "{refusal}");
        // A summary of ours beside it does not make it ours to delete, nor does one of somebody else's.
        fs::write(target.join(MARK), summary("x")).unwrap();
        assert!(OutDir::create(&target).unwrap_err().to_string().contains("thesis.txt"));
        fs::remove_file(target.join("thesis.txt")).unwrap();
        fs::write(target.join(MARK), "{\"total\": 3}").unwrap();
        assert!(OutDir::create(&target).is_err());
        assert_eq!(names(&room), ["run"]);
        fs::create_dir(room.join("other.partial")).unwrap();
        fs::write(room.join("other.partial/notes"), "mine").unwrap();
        assert!(OutDir::create(&room.join("other")).unwrap_err().to_string().contains("notes"));
        assert_eq!(fs::read_to_string(room.join("other.partial/notes")).unwrap(), "mine");
        remove(&room.join("other.partial")).unwrap();
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
        fs::write(out.path().join("journal.tlj"), "half").unwrap();
        let second = OutDir::create(&target).unwrap_err().to_string();
        assert!(second.contains("another run"), "two runs do not meet: {second}");
        drop(out);
        assert_eq!(names(&room), ["run.partial"]);
        assert_eq!(names(&room.join("run.partial")), ["journal.tlj"]);
        let again = OutDir::create(&target).unwrap();
        assert_eq!(names(again.path()), [RUNNING]);
        drop(again);
        fs::create_dir(room.join("run.older.partial")).unwrap();
        fs::write(room.join("run.older.partial").join(MARK), summary("older")).unwrap();
        drop(OutDir::create(&target).unwrap());
        assert_eq!(fs::read_to_string(target.join(MARK)).unwrap(), summary("older"), "killed between two renames");
        // A run that was killed left its mark; its process is no more.
        fs::write(room.join("run.partial").join(RUNNING), "4194303999").unwrap();
        drop(OutDir::create(&target).unwrap());
        assert!(OutDir::create(Path::new("/")).is_err(), "a path without a name");
        remove(&room).unwrap();
    }
}
