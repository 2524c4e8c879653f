//! The bpf commands that aya keeps to itself: a program loaded from instructions, a loaded
//! program's id, and one opened by its id.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use aya_obj::generated::bpf_insn;

/// Commands of linux/bpf.h.
const PROG_LOAD: libc::c_long = 5;
const PROG_GET_FD_BY_ID: libc::c_long = 13;
const OBJ_GET_INFO_BY_FD: libc::c_long = 15;
/// `BPF_PROG_TYPE_SCHED_CLS`.
const SCHED_CLS: u32 = 3;
/// `BPF_OBJ_NAME_LEN` without the terminating zero.
const MAX_NAME: usize = 15;
/// Room for the verifier's words, in bytes.
const LOG_BYTES: u32 = 64 * 1024;

/// The part of `union bpf_attr` that `BPF_PROG_LOAD` reads, up to the name.
#[repr(C)]
#[derive(Default)]
struct Load {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; MAX_NAME + 1],
}

/// The part of `union bpf_attr` that `BPF_PROG_GET_FD_BY_ID` reads.
#[repr(C)]
struct ById {
    id: u32,
    next_id: u32,
    open_flags: u32,
}

/// The attributes of `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct OfDescriptor {
    program: RawFd,
    info_size: u32,
    info: u64,
}

/// The first fields of `struct bpf_prog_info`; the kernel writes no more than it is given.
#[repr(C)]
#[derive(Default)]
struct Info {
    program_type: u32,
    id: u32,
}

/// The size of [`Info`].
const INFO_BYTES: u32 = 8;

/// Loads a tc program; an error has the verifier's words.
pub(crate) fn load(name: &str, instructions: &[bpf_insn], license: &CStr) -> io::Result<OwnedFd> {
    let mut load = Load {
        program_type: SCHED_CLS,
        instruction_count: u32::try_from(instructions.len()).unwrap_or(u32::MAX),
        instructions: instructions.as_ptr() as u64,
        license: license.as_ptr() as u64,
        ..Load::default()
    };
    for (to, from) in load.name[..MAX_NAME].iter_mut().zip(name.bytes()) {
        *to = from;
    }
    // SAFETY: `load` points to `instructions` and to the terminated `license`, which outlive
    // the call and are only read; there is no log.
    let refused = match unsafe { descriptor(PROG_LOAD, &mut load) } {
        Ok(program) => return Ok(program),
        Err(error) => error,
    };
    // Once more, for the log: it costs the kernel time, so it is written only if asked for.
    let mut log = vec![0_u8; LOG_BYTES as usize];
    load.log = log.as_mut_ptr() as u64;
    load.log_size = LOG_BYTES;
    load.log_level = 1;
    // SAFETY: as above; the log is `log_size` bytes that outlive the call.
    match unsafe { descriptor(PROG_LOAD, &mut load) } {
        Ok(program) => Ok(program),
        Err(_) => {
            let end = log.iter().position(|b| *b == 0).unwrap_or(log.len());
            let words = String::from_utf8_lossy(&log[..end]);
            Err(io::Error::new(
                refused.kind(),
                format!("{refused}: {words}"),
            ))
        }
    }
}

/// The program of that id; `None` if there is none.
pub(crate) fn program(id: u32) -> io::Result<Option<OwnedFd>> {
    let mut by_id = ById {
        id,
        next_id: 0,
        open_flags: 0,
    };
    // SAFETY: the attributes hold no pointers.
    match unsafe { descriptor(PROG_GET_FD_BY_ID, &mut by_id) } {
        Ok(program) => Ok(Some(program)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The id of a loaded program.
pub(crate) fn id_of(program: &OwnedFd) -> io::Result<u32> {
    let mut info = Info::default();
    let mut of = OfDescriptor {
        program: program.as_raw_fd(),
        info_size: INFO_BYTES,
        info: (&raw mut info) as u64,
    };
    // SAFETY: the kernel writes `info_size` bytes, which is what `info` has, and it outlives
    // the call.
    unsafe { bpf(OBJ_GET_INFO_BY_FD, &mut of)? };
    Ok(info.id)
}

/// A bpf command that answers with a new descriptor.
///
/// # Safety
/// As of [`bpf`]; the command must be one that opens a descriptor.
unsafe fn descriptor<T>(command: libc::c_long, attributes: &mut T) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let fd = unsafe { bpf(command, attributes)? };
    // SAFETY: the kernel has just opened this descriptor for us (close-on-exec), and nobody
    // else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A bpf command; its answer is not negative.
///
/// # Safety
/// `T` must be the beginning of the command's attributes, and its pointers must be valid for
/// what the command does with them.
unsafe fn bpf<T>(command: libc::c_long, attributes: &mut T) -> io::Result<RawFd> {
    // SAFETY: the kernel reads as many bytes of the attributes as it is told there are, may write into them, and
    // takes the rest for zero; what they point to is the caller's promise.
    let answer =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) };
    match RawFd::try_from(answer) {
        Ok(answer @ 0..) => Ok(answer),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn may_load() -> bool {
        let root = nix::unistd::geteuid().is_root();
        assert!(
            root || std::env::var("CI").as_deref() != Ok("true"),
            "this test needs root"
        );
        if !root {
            eprintln!("skipped: bpf programs need root");
        }
        root
    }

    const EXIT: u8 = 0x95;

    fn instruction(code: u8) -> bpf_insn {
        bpf_insn {
            code,
            _bitfield_align_1: [],
            _bitfield_1: bpf_insn::new_bitfield_1(0, 0),
            off: 0,
            imm: 0,
        }
    }

    #[test]
    fn a_refusal_has_the_verifiers_words() {
        if !may_load() {
            return;
        }
        let error = load("kn_test", &[instruction(EXIT)], c"GPL").unwrap_err();
        let error = error.to_string();
        assert!(error.contains("R0 !read_ok"), "{error}");
    }

    #[test]
    fn a_program_is_found_by_its_id() {
        if !may_load() {
            return;
        }
        let zero = instruction(0xb7);
        let program = load("kn_test", &[zero, instruction(EXIT)], c"GPL").unwrap();
        let id = id_of(&program).unwrap();
        let again = super::program(id).unwrap().unwrap();
        assert_eq!(id_of(&again).unwrap(), id);
    }

    #[test]
    fn a_program_that_is_not_there_is_none() {
        if may_load() {
            assert!(program(u32::MAX).unwrap().is_none());
        }
    }
}
