//! A profile of uperf's: it is refused with a reason, or its loads can be carried out and are the same when written and
//! read again.
#![no_main]

use kuryr_load::uperf::{read, write};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match read(&text, &|name| Some(name.to_owned())) {
        Err(error) => assert!(error.to_string().starts_with("profile")),
        Ok(profile) => {
            assert!(profile.loads.iter().all(|load| load.validate().is_ok()));
            let again = read(&write(&profile), &|name| Some(name.to_owned()));
            assert_eq!(again.map(|again| again.loads).ok(), Some(profile.loads));
        }
    }
});
