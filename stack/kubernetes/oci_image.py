"""An OCI image archive of one layer on standard output: oci_image.py NAME:TAG ROOT [ENTRYPOINT]."""
import hashlib
import io
import json
import os
import sys
import tarfile


def layer_of(root):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        for folder, folders, files in os.walk(root):
            for name in sorted(folders + files):
                path = os.path.join(folder, name)
                info = tar.gettarinfo(path, os.path.relpath(path, root))
                info.uid = info.gid = info.mtime = 0
                info.uname = info.gname = 'root'
                if info.isreg():
                    with open(path, 'rb') as f:
                        tar.addfile(info, f)
                else:
                    tar.addfile(info)
    return out.getvalue()


def main(name, root, entrypoint=()):
    blobs = {}

    def blob(data, kind, **more):
        digest = hashlib.sha256(data).hexdigest()
        blobs['blobs/sha256/' + digest] = data
        return {'mediaType': f'application/vnd.oci.image.{kind}', 'digest': 'sha256:' + digest, 'size': len(data), **more}

    layer = blob(layer_of(root), 'layer.v1.tar')
    config = blob(json.dumps({
        'architecture': 'amd64', 'os': 'linux',
        'config': {'Entrypoint': list(entrypoint), 'Env': ['PATH=/bin:/usr/bin:/sbin']},
        'rootfs': {'type': 'layers', 'diff_ids': [layer['digest']]},
    }).encode(), 'config.v1+json')
    manifest = blob(json.dumps({
        'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
        'config': config, 'layers': [layer],
    }).encode(), 'manifest.v1+json', annotations={
        'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.split(':')[-1]})
    files = {
        'oci-layout': b'{"imageLayoutVersion":"1.0.0"}',
        'index.json': json.dumps({'schemaVersion': 2, 'manifests': [manifest]}).encode(),
        **blobs,
    }
    with tarfile.open(fileobj=sys.stdout.buffer, mode='w|') as tar:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


main(sys.argv[1], sys.argv[2], sys.argv[3:])
