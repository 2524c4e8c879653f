//! A `kuryr.conf`: it loads, or each error names what is wrong.
#![no_main]

use kuryr_config::{Config, Role};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for role in [Role::Controller, Role::Daemon] {
        if let Err(errors) = Config::from_text(&text, role) {
            assert!(!errors.to_string().trim().is_empty());
        }
    }
});
