//! A folder of its own for each test, and the command run in it.

#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A folder that goes away with the value.
pub struct Desk {
    root: PathBuf,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    fn new(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Wants this exit code, and this in the message; never a panic.
    pub fn ends(&self, code: i32, telling: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(telling), "no \"{telling}\" in {}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }
}

impl Desk {
    pub fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&root).unwrap();
        Self { root }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Names in the folder, in order.
    pub fn files(&self) -> Vec<String> {
        self.files_in("")
    }

    pub fn files_in(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn prepared(&self, mut command: Command) -> Said {
        let output =
            command.current_dir(&self.root).env_remove("TIELINE_DATA").env_remove("NO_COLOR").output().unwrap();
        Said::new(&output)
    }

    /// Runs `tieline` with these words.
    pub fn tieline(&self, words: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
        command.args(words);
        self.prepared(command)
    }

    /// Runs a line of bash; `$TIELINE` is the command.
    pub fn shell(&self, line: &str) -> Said {
        let mut command = Command::new("bash");
        command.args(["-c", line]).env("TIELINE", env!("CARGO_BIN_EXE_tieline"));
        self.prepared(command)
    }

    /// Writes the short scenario, with these changes, into a file of the folder; returns its path.
    pub fn short_with(&self, name: &str, changes: &[(&str, &str)]) -> String {
        let mut text = include_str!("short.toml").to_owned();
        for (from, to) in changes {
            assert!(text.contains(from), "the scenario has \"{from}\"");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(self.path(name), text).unwrap();
        format!("./{name}")
    }

    /// Starts `tieline` with these words and interrupts it, as Ctrl-C does, once `file` is there with something in it;
    /// returns whether the interrupt ended it.
    pub fn interrupted(&self, words: &[&str], file: &str) -> bool {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
        let mut child = command.args(words).current_dir(&self.root).stdout(Stdio::null()).spawn().unwrap();
        while std::fs::metadata(self.path(file)).map_or(0, |data| data.len()) == 0 {
            assert!(child.try_wait().unwrap().is_none(), "it ended before there was anything to interrupt");
            std::thread::sleep(Duration::from_millis(5));
        }
        // Not INT, which a shell's background job inherits as ignored.
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        child.wait().unwrap().code().is_none()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.root);
        }
    }
}
