//! The compiled programs, loaded into the kernel or found there.
//!
//! Not by aya's own loader: it reads the kernel's megabytes of BTF first, which these programs
//! do not need and which costs the first pod of a node 40 ms.

use std::collections::HashSet;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use aya::Pod;
use aya::maps::{HashMap, Map, MapData, MapError};
use aya_obj::Object;

use super::syscall;
use crate::NetError;

/// `bpf/trunk.c`, compiled by `bpf/build`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../bpf/trunk.o");

/// `bpf/guard.c`, likewise.
static GUARD_OBJECT: &[u8] = aya::include_bytes_aligned!("../../bpf/guard.o");

/// The program on the egress of a trunk with vlan links; also its filter's name.
pub(crate) const GUARD: &str = "kuryr_own_tag";
/// The program on the trunk's ingress; its filter's name begins so.
pub(crate) const TO_POD: &str = "kuryr_to_pod";
/// The program on the ingress of the node's end of a pod's veth; also its filter's name.
pub(crate) const FROM_POD: &str = "kuryr_from_pod";
const MAP: &str = "kuryr_trunk";
const ENDPOINTS: &str = "kuryr_endpoints";
/// Read and written by the programs alone, which keep it.
const FLOWS: &str = "kuryr_flows";

/// The map that both programs share: `{direction, id}` to four words (see bpf/trunk.c).
pub(crate) type TrunkMap = HashMap<MapData, [u32; 2], [u32; 4]>;
/// Who may be switched to on the worker: `{group, address}` to `{ifindex, MAC}` (see bpf/local.h).
pub(crate) type EndpointsMap = HashMap<MapData, [u32; 5], [u32; 3]>;

/// Programs and maps as loaded together.
pub(crate) struct Loaded {
    pub(crate) to_pod: OwnedFd,
    pub(crate) from_pod: OwnedFd,
    pub(crate) map: TrunkMap,
    pub(crate) endpoints: EndpointsMap,
}

/// Loads both programs with maps of their own.
pub(crate) fn load() -> Result<Loaded, NetError> {
    let mut object = Object::parse(OBJECT).map_err(|e| failed(&e))?;
    let described: Vec<_> = [MAP, ENDPOINTS, FLOWS]
        .into_iter()
        .map(|name| {
            let missing = || NetError::bpf(LOADING, format!("the object has no map {name}"));
            let described = object.maps.remove(name).ok_or_else(missing)?;
            Ok((name, create(name, &described)?, described))
        })
        .collect::<Result<_, NetError>>()?;
    let references = described
        .iter()
        .map(|(name, map, described)| (*name, map.fd().as_fd().as_raw_fd(), described));
    object
        .relocate_maps(references, &HashSet::new())
        .map_err(|e| failed(&e))?;
    let (to_pod, from_pod) = (
        load_program(&object, TO_POD)?,
        load_program(&object, FROM_POD)?,
    );
    let mut maps = described.into_iter().map(|(_, map, _)| map);
    let (Some(map), Some(endpoints)) = (maps.next(), maps.next()) else {
        return Err(NetError::bpf(LOADING, "the object lacks a map"));
    };
    Ok(Loaded {
        to_pod,
        from_pod,
        map: typed(map)?,
        endpoints: typed(endpoints)?,
    })
}

fn create(name: &str, described: &aya_obj::Map) -> Result<MapData, NetError> {
    let definition = aya_obj::Map::new_from_params(
        described.map_type(),
        described.key_size(),
        described.value_size(),
        described.max_entries(),
        described.map_flags(),
    );
    MapData::create(definition, name, None).map_err(|e| failed(&e))
}

/// Loads the program that keeps tags of pods' own making off the wire.
pub(crate) fn load_guard() -> Result<OwnedFd, NetError> {
    let object = Object::parse(GUARD_OBJECT).map_err(|e| failed(&e))?;
    load_program(&object, GUARD)
}

/// Whether the kernel takes the programs: they are loaded and dropped.
pub(crate) fn probe() -> Result<(), NetError> {
    load().map(drop)
}

/// The trunk's map by its id; `None` if there is no such map.
pub(crate) fn map(id: u32) -> Result<Option<TrunkMap>, NetError> {
    by_id(id, MAP)
}

/// The map of who may be switched to on the worker, likewise.
pub(crate) fn endpoints(id: u32) -> Result<Option<EndpointsMap>, NetError> {
    by_id(id, ENDPOINTS)
}

fn by_id<K: Pod, V: Pod>(id: u32, name: &str) -> Result<Option<HashMap<MapData, K, V>>, NetError> {
    let Ok(data) = MapData::from_id(id) else {
        return Ok(None);
    };
    let info = data.info().map_err(|e| failed(&e))?;
    if info.name_as_str() == Some(name) {
        typed(data).map(Some)
    } else {
        Ok(None)
    }
}

/// Removes a key that may be gone already.
pub(crate) fn remove<K: Pod, V: Pod>(
    map: &mut HashMap<MapData, K, V>,
    key: &K,
) -> Result<(), MapError> {
    match map.remove(key) {
        Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
        Err(MapError::SyscallError(error))
            if error.io_error.raw_os_error() == Some(libc::ENOENT) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn load_program(object: &Object, name: &str) -> Result<OwnedFd, NetError> {
    let missing = || NetError::bpf(LOADING, format!("the object has no program {name}"));
    let program = object.programs.get(name).ok_or_else(missing)?;
    let function = object
        .functions
        .get(&program.function_key())
        .ok_or_else(missing)?;
    syscall::load(name, &function.instructions, &program.license)
        .map_err(|e| NetError::bpf(format!("load the bpf program {name}"), e))
}

fn typed<K: Pod, V: Pod>(data: MapData) -> Result<HashMap<MapData, K, V>, NetError> {
    let map = Map::from_map_data(data).and_then(HashMap::try_from);
    map.map_err(|e| failed(&e))
}

const LOADING: &str = "load the bpf programs";

/// An error and what caused it, in one line.
fn failed(error: &dyn std::error::Error) -> NetError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    NetError::bpf(LOADING, text)
}
