//! A loaded program by its id: the one bpf command that aya keeps to itself.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// `BPF_PROG_GET_FD_BY_ID` of linux/bpf.h.
const PROG_GET_FD_BY_ID: libc::c_long = 13;

/// The part of `union bpf_attr` that the command reads.
#[repr(C)]
struct Attributes {
    id: u32,
    next_id: u32,
    open_flags: u32,
}

/// The program of that id; `None` if there is none.
pub(crate) fn program(id: u32) -> io::Result<Option<OwnedFd>> {
    let attributes = Attributes {
        id,
        next_id: 0,
        open_flags: 0,
    };
    // SAFETY: the kernel reads as many bytes of `attributes` as it is told it has, and writes
    // nothing.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            PROG_GET_FD_BY_ID,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    match RawFd::try_from(fd) {
        // SAFETY: the kernel has just opened this descriptor for us (with close-on-exec), and
        // nobody else knows it.
        Ok(fd @ 0..) => Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) })),
        _ => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            error => Err(error),
        },
    }
}
