//! Offloads of a link, as `ethtool -k` shows and `ethtool -K` sets them.
//!
//! The ioctl interface (linux/ethtool.h), since it is in every kernel; features are named by
//! the kernel's own strings, such as `tx-checksum-ip-generic`.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

const SIOCETHTOOL: libc::c_ulong = 0x8946;
const GSTRINGS: u32 = 0x1b;
const GSSET_INFO: u32 = 0x37;
const GFEATURES: u32 = 0x3a;
const SFEATURES: u32 = 0x3b;
/// `ETH_SS_FEATURES`: the set of strings that names the features.
const FEATURE_NAMES: u32 = 4;
/// `ETH_GSTRING_LEN` in bytes.
const NAME_BYTES: usize = 32;
/// More features than any kernel has (6.18: 64); a buffer's bound.
const MOST_FEATURES: usize = 1024;
/// The features that `ethtool -K DEV tx on|off` switches.
const TX_CHECKSUMS: &str = "tx-checksum-";

/// A socket by which links' offloads are read and set; it belongs to the namespace in which
/// it was made.
#[derive(Debug)]
pub(crate) struct Ethtool {
    socket: UnixDatagram,
}

/// One feature of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Feature {
    pub(crate) name: String,
    pub(crate) active: bool,
    bit: usize,
}

impl Ethtool {
    /// A socket in the namespace of the calling thread.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self {
            socket: UnixDatagram::unbound()?,
        })
    }

    /// The features of a link.
    pub(crate) fn features(&self, link: &str) -> io::Result<Vec<Feature>> {
        let names = self.names(link)?;
        let blocks = names.len().div_ceil(32);
        // cmd, number of blocks, then for each {available, requested, active, never changed}
        let mut buffer = vec![0_u32; 2 + 4 * blocks];
        buffer[0] = GFEATURES;
        buffer[1] = u32::try_from(blocks).unwrap_or_default();
        self.call(link, &mut buffer)?;
        let active = |bit: usize| buffer[2 + 4 * (bit / 32) + 2] >> (bit % 32) & 1 == 1;
        let feature = |(bit, name)| Feature {
            name,
            active: active(bit),
            bit,
        };
        Ok(names.into_iter().enumerate().map(feature).collect())
    }

    /// Switches those of the features that `choose` picks and that are not so already. The
    /// kernel passes over those that are fixed.
    pub(crate) fn switch(
        &self,
        link: &str,
        on: bool,
        choose: impl Fn(&str) -> bool,
    ) -> io::Result<()> {
        let features = self.features(link)?;
        let blocks = features.len().div_ceil(32);
        // cmd, number of blocks, then for each {valid, requested}
        let mut buffer = vec![0_u32; 2 + 2 * blocks];
        buffer[0] = SFEATURES;
        buffer[1] = u32::try_from(blocks).unwrap_or_default();
        let mut any = false;
        for feature in features
            .iter()
            .filter(|f| f.active != on && choose(&f.name))
        {
            any = true;
            let block = 2 + 2 * (feature.bit / 32);
            buffer[block] |= 1 << (feature.bit % 32);
            buffer[block + 1] |= u32::from(on) << (feature.bit % 32);
        }
        if any {
            self.call(link, &mut buffer)?;
        }
        Ok(())
    }

    /// Whether the link computes checksums of what it sends, for IPv4 at least.
    pub(crate) fn tx_checksum(&self, link: &str) -> io::Result<bool> {
        let offered = |f: &Feature| {
            f.active && matches!(&f.name[..], "tx-checksum-ipv4" | "tx-checksum-ip-generic")
        };
        Ok(self.features(link)?.iter().any(offered))
    }

    /// `ethtool -K link tx on|off`.
    pub(crate) fn set_tx_checksum(&self, link: &str, on: bool) -> io::Result<()> {
        self.switch(link, on, |name| name.starts_with(TX_CHECKSUMS))
    }

    fn names(&self, link: &str) -> io::Result<Vec<String>> {
        // cmd, reserved, 64-bit mask of the sets asked for, then the length of each
        let mut info = [GSSET_INFO, 0, 1 << FEATURE_NAMES, 0, 0];
        self.call(link, &mut info)?;
        let count = info[4] as usize;
        if count > MOST_FEATURES {
            return Err(io::Error::other(format!(
                "{link} claims to have {count} features"
            )));
        }
        // cmd, the set, its length, then the strings
        let mut strings = vec![0_u32; 3 + MOST_FEATURES * NAME_BYTES / 4];
        strings[..3].copy_from_slice(&[GSTRINGS, FEATURE_NAMES, info[4]]);
        self.call(link, &mut strings)?;
        let bytes: Vec<u8> = strings[3..]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        let name = |bytes: &[u8]| {
            let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        };
        Ok(bytes
            .chunks_exact(NAME_BYTES)
            .take(count)
            .map(name)
            .collect())
    }

    /// One ethtool request; `buffer` starts with the command.
    fn call(&self, link: &str, buffer: &mut [u32]) -> io::Result<()> {
        let mut name: [libc::c_char; libc::IFNAMSIZ] = [0; libc::IFNAMSIZ];
        if link.len() >= name.len() {
            return Err(io::Error::from_raw_os_error(libc::ENODEV));
        }
        for (to, from) in name.iter_mut().zip(link.bytes()) {
            *to = from.cast_signed();
        }
        let data = libc::__c_anonymous_ifr_ifru {
            ifru_data: buffer.as_mut_ptr().cast(),
        };
        let mut request = libc::ifreq {
            ifr_name: name,
            ifr_ifru: data,
        };
        // SAFETY: `request` is a whole ifreq with a terminated name, and its data points to
        // `buffer`, which outlives the call. The kernel writes what the command's structure
        // holds: for GFEATURES and SFEATURES as many blocks as `buffer[1]` says, which is what
        // was allocated; for GSSET_INFO one length for the one set asked for; for GSTRINGS as
        // many strings as the kernel has, for which `names` allocates MOST_FEATURES after
        // having checked that there are not more.
        let done =
            unsafe { libc::ioctl(self.socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut request) };
        if done < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_features_by_name() {
        let features = Ethtool::open().unwrap().features("lo").unwrap();
        assert!(
            features
                .iter()
                .any(|f| f.name == "tx-checksum-ip-generic" && f.active)
        );
    }

    #[test]
    fn a_link_that_is_not_there_is_an_error() {
        let ethtool = Ethtool::open().unwrap();
        assert_eq!(
            ethtool.tx_checksum("kn-none").unwrap_err().raw_os_error(),
            Some(libc::ENODEV)
        );
        assert!(ethtool.tx_checksum("a-name-that-no-link-can-have").is_err());
    }
}
