//! A VIF as it stands in a KuryrPort, written by whomever: read or refused, and what was read is written so that it reads
//! the same again.
#![no_main]

use kuryr_api::ovo::{Ovo, VifData};
use kuryr_api::vif::Vif;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(wire) = serde_json::from_slice::<Ovo<VifData>>(data) else {
        return;
    };
    let again = serde_json::to_value(&wire).expect("what was read can be written");
    assert_eq!(
        serde_json::from_value::<Ovo<VifData>>(again).ok().as_ref(),
        Some(&wire)
    );
    if let Ok(vif) = Vif::from_wire(&wire) {
        assert_eq!(Vif::from_wire(&vif.to_wire()), Ok(vif));
    }
});
