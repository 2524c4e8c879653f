//! As much of an ELF file as tells whether a program is statically linked (System V ABI, chapters 4 and 5).

/// Why a program is not the static one that was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotStatic {
    /// No 64-bit little-endian ELF file, or one cut short.
    NotElf,
    /// It asks for a dynamic loader: it has a `PT_INTERP` segment.
    Interpreter,
}

const MAGIC: &[u8] = b"\x7fELF\x02\x01";
const PT_INTERP: u64 = 3;

/// Succeeds for a program that needs no dynamic loader.
pub(crate) fn check_static(file: &[u8]) -> Result<(), NotStatic> {
    if !file.starts_with(MAGIC) {
        return Err(NotStatic::NotElf);
    }
    let table = number(file, 0x20, 8)?;
    let entry_size = number(file, 0x36, 2)?;
    let entries = number(file, 0x38, 2)?;
    for index in 0..entries {
        let entry = index
            .checked_mul(entry_size)
            .and_then(|offset| offset.checked_add(table))
            .ok_or(NotStatic::NotElf)?;
        if number(file, entry, 4)? == PT_INTERP {
            return Err(NotStatic::Interpreter);
        }
    }
    Ok(())
}

/// A little-endian number of `size` bytes at `offset`.
fn number(file: &[u8], offset: u64, size: usize) -> Result<u64, NotStatic> {
    let start = usize::try_from(offset).map_err(|_| NotStatic::NotElf)?;
    let end = start.checked_add(size).ok_or(NotStatic::NotElf)?;
    let bytes = file.get(start..end).ok_or(NotStatic::NotElf)?;
    Ok(bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with a table of segments of these types behind it.
    fn program(types: &[u8]) -> Vec<u8> {
        let mut file = vec![0; 0x40];
        file[..6].copy_from_slice(MAGIC);
        file[0x20] = 0x40;
        file[0x36] = 56;
        file[0x38] = u8::try_from(types.len()).unwrap_or(u8::MAX);
        for kind in types {
            let mut segment = vec![0; 56];
            segment[0] = *kind;
            file.extend(segment);
        }
        file
    }

    #[test]
    fn a_program_without_interpreter_is_static() {
        assert_eq!(check_static(&program(&[1, 6, 4])), Ok(()));
    }

    #[test]
    fn a_program_with_interpreter_is_not() {
        assert_eq!(
            check_static(&program(&[6, 3, 1])),
            Err(NotStatic::Interpreter)
        );
    }

    #[test]
    fn other_files_and_cut_ones_are_no_programs() {
        assert_eq!(check_static(b"#!/bin/sh\n"), Err(NotStatic::NotElf));
        let whole = program(&[1, 3]);
        assert_eq!(check_static(&whole[..0x50]), Err(NotStatic::NotElf));
    }
}
