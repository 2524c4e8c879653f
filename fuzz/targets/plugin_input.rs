//! What a container runtime gives the plugin: `CNI_ARGS` up to the first NUL, then standard input.
//! Whatever it is, the answer is a request or an error object with a code and a message.
#![no_main]

use kuryr_cni::parse_request;
use kuryr_cni::version::CniVersion;

const COMMANDS: [&str; 6] = ["ADD", "DEL", "CHECK", "STATUS", "GC", "VERSION"];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(0);
    let (args, stdin) = data.split_at(end);
    for command in COMMANDS {
        let env = [
            ("CNI_COMMAND", command.to_owned()),
            ("CNI_CONTAINERID", "c1".to_owned()),
            ("CNI_NETNS", "/run/netns/x".to_owned()),
            ("CNI_IFNAME", "eth0".to_owned()),
            ("CNI_ARGS", String::from_utf8_lossy(args).into_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        if let Err(error) = parse_request(&env.into(), stdin.strip_prefix(&[0]).unwrap_or(stdin)) {
            let object = error.to_json(CniVersion::LATEST);
            assert!(
                object["code"].as_u64().is_some_and(|code| code > 0),
                "{object}"
            );
            assert!(
                object["msg"].as_str().is_some_and(|text| !text.is_empty()),
                "{object}"
            );
        }
    }
});
