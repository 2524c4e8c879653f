//! Network namespaces: made, entered on a thread of their own, removed.
//!
//! A thread that enters a namespace ends afterwards. So no thread ever goes back to a pool in
//! another namespace than it left, whatever fails in between.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::{FsType, fstatfs};

use crate::NetError;

/// Where named namespaces live, as `ip netns` has it.
pub const NAMED_DIR: &str = "/run/netns";
/// `NSFS_MAGIC` of linux/magic.h.
const NSFS: FsType = FsType(0x6e73_6673);
/// The namespace of the thread that asks.
const OWN: &str = "/proc/thread-self/ns/net";

/// The path of a named namespace.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    Path::new(NAMED_DIR).join(name)
}

/// Runs `work` in the namespace at `netns` (`None`: the caller's own) and returns its result.
/// The work runs on a new thread that ends with it.
///
/// # Errors
/// [`NetError::Netns`] if there is no network namespace at that path or it cannot be entered.
///
/// # Panics
/// If `work` panics, with its payload.
pub fn run_in<T: Send>(
    netns: Option<&Path>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, NetError> {
    let file = netns.map(|path| open(Some(path))).transpose()?;
    enter(file.as_ref(), work).map_err(|source| NetError::Netns {
        path: netns.unwrap_or(Path::new(OWN)).to_owned(),
        source,
    })
}

/// As [`run_in`], for a namespace that is open already.
pub(crate) fn enter<T: Send>(
    netns: Option<&File>,
    work: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    thread::scope(|scope| {
        let body = move || -> io::Result<T> {
            if let Some(file) = netns {
                setns(file, CloneFlags::CLONE_NEWNET)?;
            }
            Ok(work())
        };
        let worker = thread::Builder::new()
            .name("netns".into())
            .spawn_scoped(scope, body)?;
        match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Opens a namespace, so that it can be named by its descriptor. `None`: the caller's own.
///
/// # Errors
/// [`NetError::Netns`] if there is no network namespace at that path.
pub fn open(netns: Option<&Path>) -> Result<File, NetError> {
    let path = netns.unwrap_or(Path::new(OWN));
    let opened = File::open(path).and_then(|file| {
        // A bind mount that is gone leaves an empty plain file behind.
        let kind = fstatfs(file.as_fd())?.filesystem_type();
        if kind == NSFS {
            Ok(file)
        } else {
            Err(io::Error::new(
                io::ErrorKind::NotFound,
                "no namespace is mounted there",
            ))
        }
    });
    opened.map_err(|source| NetError::Netns {
        path: path.to_owned(),
        source,
    })
}

/// Makes a named namespace, bind-mounted at [`path`] as `ip netns add` does, with its loopback
/// down.
///
/// # Errors
/// [`NetError::Netns`] if one of that name exists or it cannot be made or mounted.
pub fn create(name: &str) -> Result<PathBuf, NetError> {
    let path = path(name);
    let error = |source| NetError::Netns {
        path: path.clone(),
        source,
    };
    prepare_dir().map_err(error)?;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(error)?;
    let made = thread::scope(|scope| {
        scope
            .spawn(|| -> io::Result<()> {
                unshare(CloneFlags::CLONE_NEWNET)?;
                mount(
                    Some(OWN),
                    &path,
                    None::<&str>,
                    MsFlags::MS_BIND,
                    None::<&str>,
                )?;
                Ok(())
            })
            .join()
    });
    let made = made.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    if let Err(source) = made {
        let _ = fs::remove_file(&path);
        return Err(error(source));
    }
    Ok(path)
}

/// Removes a named namespace; its links go when nothing uses it any more. One that is not
/// there is passed over.
///
/// # Errors
/// [`NetError::Netns`] if it is there and cannot be removed.
pub fn delete(name: &str) -> Result<(), NetError> {
    let path = path(name);
    // EINVAL: nothing is mounted there; ENOENT: nothing is there at all.
    let _ = umount2(&path, MntFlags::MNT_DETACH);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(NetError::Netns {
            path,
            source: error,
        }),
        _ => Ok(()),
    }
}

/// `/run/netns`, a shared mount of itself, so that a namespace mounted there by one mount
/// namespace appears in the others (as `ip netns add` prepares it).
fn prepare_dir() -> io::Result<()> {
    let dir = Path::new(NAMED_DIR);
    fs::create_dir_all(dir)?;
    let share = || {
        mount(
            None::<&str>,
            dir,
            None::<&str>,
            MsFlags::MS_SHARED | MsFlags::MS_REC,
            None::<&str>,
        )
    };
    if share() == Err(nix::Error::EINVAL) {
        mount(
            Some(dir),
            dir,
            None::<&str>,
            MsFlags::MS_BIND | MsFlags::MS_REC,
            None::<&str>,
        )?;
        share()?;
    }
    Ok(())
}
