//! OCI image archives: an image layout (image-spec 1.0) in a tar file. The same content gives the same bytes: names are sorted,
//! and no time, owner or machine gets in.

use std::collections::BTreeMap;
use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A file of an image.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// From the root, without the leading slash.
    pub(super) path: &'static str,
    /// Permissions, such as `0o755`.
    pub(super) mode: u32,
    pub(super) contents: Vec<u8>,
}

/// What an image is, besides its files.
#[derive(Debug, Clone)]
pub(super) struct About {
    /// Repository and tag, such as `kuryr/controller:0.1.0`.
    pub(super) name: String,
    /// As Go calls it: `amd64`, `arm64`.
    pub(super) architecture: &'static str,
    pub(super) entrypoint: &'static str,
    /// User and group.
    pub(super) user: &'static str,
    /// RFC 3339.
    pub(super) created: String,
    /// `org.opencontainers.image.*` and whatever else.
    pub(super) labels: BTreeMap<String, String>,
}

/// The archive.
pub(super) fn archive(about: &About, files: &[Entry]) -> io::Result<Vec<u8>> {
    let layer = layer(files)?;
    let packed = gzip(&layer)?;
    let mut blobs = BTreeMap::new();
    let mut blob = |kind: &str, data: Vec<u8>| {
        let digest = digest(&data);
        let descriptor = json!({
            "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": format!("sha256:{digest}"), "size": data.len(),
        });
        blobs.insert(format!("blobs/sha256/{digest}"), data);
        descriptor
    };
    let layers = [blob("layer.v1.tar+gzip", packed)];
    let config = json!({
        "created": about.created,
        "architecture": about.architecture,
        "os": "linux",
        "config": {
            "User": about.user,
            "Entrypoint": [about.entrypoint],
            "Env": ["PATH=/", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "WorkingDir": "/",
            "Labels": about.labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", digest(&layer))]},
    });
    let config = blob("config.v1+json", bytes(&config));
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": layers, "annotations": about.labels,
    });
    let mut manifest = blob("manifest.v1+json", bytes(&manifest));
    let tag = about.name.rsplit(':').next().unwrap_or_default();
    manifest["annotations"] = json!({
        "io.containerd.image.name": about.name, "org.opencontainers.image.ref.name": tag,
    });
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest],
    });
    let layout = json!({"imageLayoutVersion": "1.0.0"});
    let mut tar = tar::Builder::new(Vec::new());
    for (path, data) in [
        ("oci-layout", bytes(&layout)),
        ("index.json", bytes(&index)),
    ] {
        append(&mut tar, path, 0o644, &data)?;
    }
    for (path, data) in &blobs {
        append(&mut tar, path, 0o644, data)?;
    }
    tar.into_inner()
}

/// The files as they are in the container, with the folders that they are in.
fn layer(files: &[Entry]) -> io::Result<Vec<u8>> {
    let mut sorted: Vec<&Entry> = files.iter().collect();
    sorted.sort_by_key(|entry| entry.path);
    let mut tar = tar::Builder::new(Vec::new());
    let mut folders = Vec::new();
    for entry in sorted {
        for (at, _) in entry.path.match_indices('/') {
            let folder = &entry.path[..=at];
            if !folders.contains(&folder) {
                folders.push(folder);
                append(&mut tar, folder, 0o755, &[])?;
            }
        }
        append(&mut tar, entry.path, entry.mode, &entry.contents)?;
    }
    tar.into_inner()
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32, data: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    let is_folder = path.ends_with('/');
    header.set_entry_type(if is_folder {
        tar::EntryType::Directory
    } else {
        tar::EntryType::Regular
    });
    header.set_mode(mode);
    header.set_size(data.len() as u64);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    tar.append_data(&mut header, path, data)
}

/// Without name and time of the file that is packed, and without the system that packs.
fn gzip(data: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer: GzEncoder<Vec<u8>> = GzBuilder::new()
        .operating_system(255)
        .write(Vec::new(), Compression::default());
    packer.write_all(data)?;
    packer.finish()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// SHA-256, hexadecimal.
pub(crate) fn digest(data: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(data) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn about() -> About {
        About {
            name: "kuryr/daemon:1".to_owned(),
            architecture: "amd64",
            entrypoint: "/kuryr-daemon",
            user: "0:0",
            created: "2026-01-01T00:00:00Z".to_owned(),
            labels: [("a".to_owned(), "b".to_owned())].into(),
        }
    }

    fn files() -> Vec<Entry> {
        let file = |path, mode, text: &str| Entry {
            path,
            mode,
            contents: text.into(),
        };
        vec![
            file("kuryr-daemon", 0o755, "program"),
            file("etc/ssl/certs/ca-certificates.crt", 0o644, "certificates"),
        ]
    }

    fn unpack(tar: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, io::Error> {
        let mut all = BTreeMap::new();
        for entry in tar::Archive::new(tar).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.display().to_string();
            let mut data = Vec::new();
            entry.read_to_end(&mut data)?;
            all.insert(path, data);
        }
        Ok(all)
    }

    #[test]
    fn the_same_files_give_the_same_bytes_in_whatever_order() -> Result<(), io::Error> {
        let mut turned = files();
        turned.reverse();
        assert_eq!(archive(&about(), &files())?, archive(&about(), &turned)?);
        Ok(())
    }

    #[test]
    fn every_blob_is_what_its_name_and_its_descriptor_say() -> Result<(), Box<dyn std::error::Error>>
    {
        let all = unpack(&archive(&about(), &files())?)?;
        let json = |data: &[u8]| serde_json::from_slice::<Value>(data);
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap_or_default();
            let data = &all[&format!("blobs/{}", digest.replace(':', "/"))];
            assert_eq!(descriptor["size"], data.len());
            assert_eq!(digest, format!("sha256:{}", super::digest(data)));
            data
        };
        let index = json(&all["index.json"])?;
        let manifest = json(blob(&index["manifests"][0]))?;
        let config = json(blob(&manifest["config"]))?;
        let packed = blob(&manifest["layers"][0]);
        assert_eq!(all.len(), 2 + 3, "and nothing else");
        let mut layer = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut layer)?;
        assert_eq!(
            config["rootfs"]["diff_ids"][0],
            format!("sha256:{}", super::digest(&layer))
        );
        let names: Vec<String> = unpack(&layer)?.into_keys().collect();
        assert_eq!(
            names,
            [
                "etc/",
                "etc/ssl/",
                "etc/ssl/certs/",
                "etc/ssl/certs/ca-certificates.crt",
                "kuryr-daemon"
            ]
        );
        Ok(())
    }
}
