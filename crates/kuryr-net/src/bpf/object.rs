//! The compiled programs, loaded into the kernel or found there.

use std::os::fd::{AsFd, OwnedFd};

use aya::maps::{HashMap, Map, MapData};
use aya::programs::SchedClassifier;
use aya::{Ebpf, EbpfLoader};

use crate::NetError;

/// `bpf/trunk.c`, compiled by `bpf/build`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../bpf/trunk.o");

/// The program on the trunk's ingress; also its filter's name.
pub(crate) const TO_POD: &str = "kuryr_to_pod";
/// The program on the ingress of the node's end of a pod's veth; also its filter's name.
pub(crate) const FROM_POD: &str = "kuryr_from_pod";
const MAP: &str = "kuryr_trunk";

/// The map that both programs share: `{direction, id}` to four words (see bpf/trunk.c).
pub(crate) type TrunkMap = HashMap<MapData, [u32; 2], [u32; 4]>;

/// A loaded program.
pub(crate) struct Program {
    pub(crate) id: u32,
    pub(crate) fd: OwnedFd,
}

/// Programs and map as loaded together.
pub(crate) struct Loaded {
    pub(crate) to_pod: Program,
    pub(crate) from_pod: Program,
    pub(crate) map: TrunkMap,
}

/// Loads both programs with a map of their own.
pub(crate) fn load() -> Result<Loaded, NetError> {
    let failed = |e: &dyn std::error::Error| NetError::bpf("load the bpf programs", with_causes(e));
    // Nothing is relocated by the kernel's own types, so its megabytes of BTF are not read.
    let mut object = EbpfLoader::new()
        .btf(None)
        .load(OBJECT)
        .map_err(|e| failed(&e))?;
    let to_pod = load_program(&mut object, TO_POD)?;
    let from_pod = load_program(&mut object, FROM_POD)?;
    let map = object.take_map(MAP).ok_or_else(|| {
        NetError::bpf(
            "load the bpf programs",
            format!("the object has no map {MAP}"),
        )
    })?;
    let map = TrunkMap::try_from(map).map_err(|e| failed(&e))?;
    Ok(Loaded {
        to_pod,
        from_pod,
        map,
    })
}

/// Whether the kernel takes the programs: they are loaded and dropped.
pub(crate) fn probe() -> Result<(), NetError> {
    load().map(drop)
}

fn load_program(object: &mut Ebpf, name: &str) -> Result<Program, NetError> {
    let failed = |e: &dyn std::error::Error| {
        NetError::bpf(format!("load the bpf program {name}"), with_causes(e))
    };
    let program = object.program_mut(name).ok_or_else(|| {
        NetError::bpf(
            format!("load the bpf program {name}"),
            "the object has none",
        )
    })?;
    let program: &mut SchedClassifier = program
        .try_into()
        .map_err(|e: aya::programs::ProgramError| failed(&e))?;
    program.load().map_err(|e| failed(&e))?;
    let id = program.info().map_err(|e| failed(&e))?.id();
    let fd = program.fd().map_err(|e| failed(&e))?;
    let fd = fd.as_fd().try_clone_to_owned().map_err(|e| failed(&e))?;
    Ok(Program { id, fd })
}

/// The trunk's map by its id; `None` if there is no such map.
pub(crate) fn map(id: u32) -> Result<Option<TrunkMap>, NetError> {
    let attempted = || format!("open bpf map {id}");
    let Ok(data) = MapData::from_id(id) else {
        return Ok(None);
    };
    let info = data
        .info()
        .map_err(|e| NetError::bpf(attempted(), with_causes(&e)))?;
    if info.name_as_str() != Some(MAP) {
        return Ok(None);
    }
    let map = Map::from_map_data(data).and_then(TrunkMap::try_from);
    map.map(Some)
        .map_err(|e| NetError::bpf(attempted(), with_causes(&e)))
}

/// An error and what caused it, in one line: the verifier's words are at the end of the chain.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
