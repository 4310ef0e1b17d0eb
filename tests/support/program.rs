//! Runs the program as a person would: in a temporary directory of its own, with files from `testdata/`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

/// The path of a file in `testdata/`.
pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// A temporary directory in which the program runs.
pub(crate) struct Dir(tempfile::TempDir);

impl Dir {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a file in the temporary directory");
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names of the files in it, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.0.path())
            .expect("the temporary directory")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        names
    }

    /// The program with this as its working directory.
    pub(crate) fn tap2pcap(&self) -> TestCommand {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tap2pcap"));
        command.current_dir(self.0.path());
        TestCommand { command, stdin: Vec::new() }
    }

    /// The same within limits of the shell's `ulimit`, such as `-v 65536` for 64 MiB of addresses: whoever asks for more
    /// memory gets none and dies. What is too much for a file is an error and no signal.
    pub(crate) fn tap2pcap_within(&self, limit: &str) -> TestCommand {
        let limited = format!("trap '' XFSZ; ulimit {limit} && exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_tap2pcap")]).current_dir(self.0.path());
        TestCommand { command, stdin: Vec::new() }
    }
}

/// A program to be run, this or another.
pub(crate) struct TestCommand {
    command: Command,
    stdin: Vec<u8>,
}

impl TestCommand {
    pub(crate) fn new(program: &str) -> Self {
        Self { command: Command::new(program), stdin: Vec::new() }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Runs the program to its end.
    pub(crate) fn run(self) -> Ran {
        let (child, feeder) = self.start();
        let Output { status, stdout, stderr } = child.wait_with_output().expect("the program ends");
        feeder.join().expect("the input is fed");
        Ran { code: status.code(), stdout, stderr: String::from_utf8(stderr).expect("messages are UTF-8") }
    }

    /// Runs the program, and closes its standard output once so much of it has been read.
    pub(crate) fn run_and_read_only(self, bytes: usize) -> Ran {
        let (mut child, feeder) = self.start();
        let mut stdout = vec![0; bytes];
        child.stdout.take().expect("a pipe").read_exact(&mut stdout).expect("so much is written");
        let Output { status, stderr, .. } = child.wait_with_output().expect("the program ends");
        feeder.join().expect("the input is fed");
        Ran { code: status.code(), stdout, stderr: String::from_utf8(stderr).expect("messages are UTF-8") }
    }

    /// Feeds the program its standard input and keeps that open until so much has come out, at the latest after half a
    /// minute. What comes after that is lost.
    pub(crate) fn run_and_read_while_open(mut self, bytes: usize) -> Ran {
        let mut child = self.spawn();
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(&self.stdin).expect("the input fits into the pipe");
        let mut pipe = child.stdout.take().expect("a pipe");
        let (sender, come) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut stdout = vec![0; bytes];
            let is_all = pipe.read_exact(&mut stdout).is_ok();
            // Nobody waits any more once the time is over.
            let _ = sender.send(is_all.then_some(stdout));
            pipe.read_to_end(&mut Vec::new())
        });
        let stdout = come.recv_timeout(Duration::from_secs(30)).ok().flatten();
        drop(stdin);
        let Output { status, stderr, .. } = child.wait_with_output().expect("the program ends");
        reader.join().expect("the output is read").expect("a pipe");
        let stdout = stdout.expect("so much comes while the input is open");
        Ran { code: status.code(), stdout, stderr: String::from_utf8(stderr).expect("messages are UTF-8") }
    }

    /// Starts the program, and a thread that feeds its standard input.
    fn start(mut self) -> (Child, JoinHandle<()>) {
        let mut child = self.spawn();
        let mut stdin = child.stdin.take().expect("a pipe");
        let feeder = std::thread::spawn(move || {
            // The program may end without having read it all.
            let _ = stdin.write_all(&self.stdin);
        });
        (child, feeder)
    }

    fn spawn(&mut self) -> Child {
        let pipes = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        pipes.spawn().expect("the program starts")
    }
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    /// Fails the test unless the program ended with this status.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stderr: {}", self.stderr);
        self
    }
}
