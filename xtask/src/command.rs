//! Running programs: on the terminal, into a log, or for what they print.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use crate::error::Error;

/// Runs a command on the terminal.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let status = command
        .status()
        .map_err(|source| start_error(command, source))?;
    check(command, status)
}

/// Runs a command on the terminal; comes back with its exit code, whatever that is.
pub(crate) fn pass_through(command: &mut Command) -> Result<ExitCode, Error> {
    let status = command
        .status()
        .map_err(|source| start_error(command, source))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs a command with its output and its command line appended to `log`.
pub(crate) fn run_logged(command: &mut Command, log: &Path) -> Result<(), Error> {
    let mut file = append_to(log)?;
    writeln!(file, "$ {}", line(command)).map_err(Error::file("write", log))?;
    let copy = file.try_clone().map_err(Error::file("write", log))?;
    command
        .env("CARGO_TERM_COLOR", "never")
        // the end of the log is what is shown of a failure: let it be the message
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(copy);
    run(command)
}

/// Runs a command for its standard output; its standard error is appended to `log`.
pub(crate) fn capture(command: &mut Command, log: &Path) -> Result<String, Error> {
    command.stdin(Stdio::null()).stderr(append_to(log)?);
    let output = command
        .output()
        .map_err(|source| start_error(command, source))?;
    check(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn append_to(log: &Path) -> Result<File, Error> {
    // In a fresh clone it is not there yet.
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .map_err(Error::file("open", log))
}

fn check(command: &Command, status: ExitStatus) -> Result<(), Error> {
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed {
        command: line(command),
        status: status.to_string(),
    })
}

fn start_error(command: &Command, source: std::io::Error) -> Error {
    Error::Start {
        command: line(command),
        source,
    }
}

/// The command as one would type it: program name without its folder, arguments.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut line = name.to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn failure_names_the_command_and_its_status() {
        let error = run(Command::new("/bin/sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3` failed (exit status: 3)");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("/nowhere/nothing")).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot start `nothing`: "),
            "{error}"
        );
    }
}
