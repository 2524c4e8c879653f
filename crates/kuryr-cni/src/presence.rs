//! Whether an interface is still in its namespace, seen without the daemon.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::thread;

use nix::sched::{CloneFlags, setns};
use nix::sys::statfs::{FsType, fstatfs};

/// `NSFS_MAGIC` of linux/magic.h.
const NSFS: FsType = FsType(0x6e73_6673);
/// The links of the namespace in which the reading thread is (proc(5)).
const OWN_LINKS: &str = "/proc/thread-self/net/dev";

/// What can be said about an interface.
#[derive(Debug, PartialEq, Eq)]
pub enum Presence {
    /// Its namespace is gone, or it is not in it.
    Gone,
    There,
    /// It cannot be seen, and why.
    Unknown(String),
}

/// Looks for a link in a namespace (a path, as in `CNI_NETNS`).
#[must_use]
pub fn look(netns: Option<&str>, ifname: &str) -> Presence {
    let Some(path) = netns.filter(|path| !path.is_empty()) else {
        return Presence::Gone;
    };
    match open(path).and_then(|file| file.map_or(Ok(None), |f| links_in(f).map(Some))) {
        Ok(None) => Presence::Gone,
        Ok(Some(links)) if has_link(&links, ifname) => Presence::There,
        Ok(Some(_)) => Presence::Gone,
        Err(e) => Presence::Unknown(format!("{path}: {e}")),
    }
}

/// The namespace, or `None` if it is gone: its mount leaves an empty plain file behind.
fn open(path: &str) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) if fstatfs(file.as_fd())?.filesystem_type() == NSFS => Ok(Some(file)),
        Ok(_) => Ok(None),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The thread that enters the namespace ends in it.
fn links_in(netns: File) -> io::Result<String> {
    let thread = thread::Builder::new().spawn(move || -> io::Result<String> {
        setns(&netns, CloneFlags::CLONE_NEWNET)?;
        std::fs::read_to_string(OWN_LINKS)
    })?;
    thread
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the thread that looked died")))
}

/// Whether `/proc/net/dev` lists the link: two lines of heading, then `name: counters`.
fn has_link(table: &str, ifname: &str) -> bool {
    table
        .lines()
        .skip(2)
        .filter_map(|line| line.split_once(':'))
        .any(|(name, _)| name.trim() == ifname)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
    lo:       0       0    0    0    0     0          0         0        0       0    0
  eth0:    1006      13    0    0    0     0          0         0     1006      13    0
";

    #[test]
    fn finds_a_link_by_its_whole_name() {
        assert!(has_link(TABLE, "eth0"));
        assert!(!has_link(TABLE, "eth"));
        assert!(!has_link(TABLE, "Inter-|   Receive"));
    }

    #[test]
    fn a_namespace_that_is_gone_has_no_link() {
        assert_eq!(look(None, "eth0"), Presence::Gone);
        assert_eq!(look(Some(""), "eth0"), Presence::Gone);
        assert_eq!(look(Some("/nowhere/at/all"), "eth0"), Presence::Gone);
    }

    #[test]
    fn a_plain_file_left_by_a_mount_is_no_namespace() {
        let file = tempfile::NamedTempFile::new().ok();
        let path = file.as_ref().and_then(|f| f.path().to_str());
        assert!(path.is_some());
        assert_eq!(look(path, "eth0"), Presence::Gone);
    }
}
