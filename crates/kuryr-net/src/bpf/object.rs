//! The compiled programs, loaded into the kernel or found there.

use aya::maps::{HashMap, Map, MapData};
use aya::programs::{ProgramFd, SchedClassifier, loaded_programs};
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

/// Programs and map as loaded together.
pub(crate) struct Loaded {
    pub(crate) to_pod: ProgramFd,
    pub(crate) from_pod: ProgramFd,
    pub(crate) map: TrunkMap,
}

/// Loads both programs with a map of their own.
pub(crate) fn load() -> Result<Loaded, NetError> {
    let failed = |e: &dyn std::error::Error| NetError::bpf("load the bpf programs", with_causes(e));
    let mut object = EbpfLoader::new().load(OBJECT).map_err(|e| failed(&e))?;
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

fn load_program(object: &mut Ebpf, name: &str) -> Result<ProgramFd, NetError> {
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
    program
        .fd()
        .and_then(|fd| Ok(fd.try_clone()?))
        .map_err(|e| failed(&e))
}

/// The map of a program that is loaded already, by the program's id.
pub(crate) fn map_of(program: u32) -> Result<Option<TrunkMap>, NetError> {
    let attempted = || format!("find the map of bpf program {program}");
    for info in loaded_programs() {
        // Programs come and go while they are listed.
        let Ok(info) = info else { continue };
        if info.id() != program {
            continue;
        }
        let ids = info
            .map_ids()
            .map_err(|e| NetError::bpf(attempted(), with_causes(&e)))?;
        for id in ids.unwrap_or_default() {
            let data =
                MapData::from_id(id).map_err(|e| NetError::bpf(attempted(), with_causes(&e)))?;
            let named = data
                .info()
                .is_ok_and(|info| info.name_as_str() == Some(MAP));
            if !named {
                continue;
            }
            let map = Map::from_map_data(data).and_then(TrunkMap::try_from);
            return map
                .map(Some)
                .map_err(|e| NetError::bpf(attempted(), with_causes(&e)));
        }
    }
    Ok(None)
}

/// The loaded [`FROM_POD`] that uses the map.
pub(crate) fn from_pod_of(map: u32) -> Option<ProgramFd> {
    loaded_programs()
        .filter_map(Result::ok)
        .filter(|info| info.name_as_str() == Some(FROM_POD))
        .find(|info| {
            info.map_ids()
                .is_ok_and(|ids| ids.unwrap_or_default().contains(&map))
        })
        .and_then(|info| info.fd().ok())
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
