//! `cargo xtask images`: what runs in a cluster as OCI archives, without a container daemon.
//!
//! A program, the certificate authorities that browsers know, and nothing else: no shell, no library. The programs are static
//! (musl), so that they run wherever the kernel does and look names up by themselves.

mod again;
mod archive;
mod sbom;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use base64::Engine;
use clap::{Args, ValueEnum};

pub(crate) use self::archive::digest;
use self::archive::{About, Entry, archive};
use crate::command;
use crate::elf;
use crate::error::Error;
use crate::packages;
use crate::workspace::Workspace;

/// The only architecture that is built: for arm64 Debian has no C compiler that targets musl.
const TARGET: &str = "x86_64-unknown-linux-musl";
const ARCHITECTURE: &str = "amd64";

/// Where images are written, and how they are built.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How the programs are built
    #[arg(long, value_enum, default_value_t = Build::Image)]
    build: Build,
    /// Folder for the archives and their bills of materials [default: target/images]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Repository before the images' names
    #[arg(long, default_value = "kuryr", value_name = "NAME")]
    repository: String,
    /// Tag [default: the version]
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Build twice, the second time from a copy of the sources in another folder, and compare; exit 1 where a byte differs
    #[arg(long)]
    twice: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            build: Build::Image,
            out: None,
            repository: "kuryr".to_owned(),
            tag: None,
            twice: false,
        }
    }
}

impl Options {
    /// As they are shipped, written to a folder.
    pub(crate) fn into_folder(out: PathBuf) -> Self {
        Self {
            out: Some(out),
            ..Self::default()
        }
    }
}

/// How programs are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Build {
    /// Small, as they are shipped; minutes
    Image,
    /// As for daily work, for tests
    Dev,
}

impl Build {
    fn profile(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Dev => "dev",
        }
    }

    /// Cargo's folder for it.
    fn folder(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Dev => "debug",
        }
    }
}

/// An image: its name, its program, and what else is in it.
struct Image {
    name: &'static str,
    title: &'static str,
    program: &'static str,
    /// The package that it is compiled of.
    package: &'static str,
    beside: &'static [&'static str],
    user: &'static str,
}

const IMAGES: [Image; 2] = [
    Image {
        name: "controller",
        title: "Kuryr controller: Neutron ports for pods, Octavia load balancers for Services",
        program: "kuryr-controller",
        package: "kuryr-programs",
        beside: &[],
        // Nobody: it changes nothing on its node.
        user: "65532:65532",
    },
    Image {
        name: "daemon",
        title: "Kuryr node daemon, with the CNI plugin that it installs",
        program: "kuryr-daemon",
        package: "kuryr-programs",
        beside: &["kuryr-cni"],
        user: "0:0",
    },
];

/// Builds, and says what was written.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode, Error> {
    let mut run = |command: &mut Command| command::run(command);
    if options.twice {
        println!("{}", again::compare(workspace, options.build, &mut run)?);
        return Ok(ExitCode::SUCCESS);
    }
    let written = built(workspace, options, &mut run)?;
    for (path, bytes) in written {
        println!("{} {} KiB", path.display(), bytes / 1024);
    }
    println!("linux/arm64 is not built: no C compiler of Debian's targets musl there");
    Ok(ExitCode::SUCCESS)
}

/// The folder of [`for_tests`].
pub(crate) fn folder_for_tests(workspace: &Workspace) -> PathBuf {
    workspace.target("images-dev")
}

/// Images for tests, with cargo's output in `log`.
pub(crate) fn for_tests(workspace: &Workspace, log: &Path) -> Result<(), Error> {
    let options = Options {
        build: Build::Dev,
        out: Some(folder_for_tests(workspace)),
        repository: "localhost/kuryr".to_owned(),
        tag: Some("test".to_owned()),
        ..Options::default()
    };
    built(workspace, &options, &mut |command| {
        command::run_logged(command, log)
    })?;
    Ok(())
}

/// The images of tests built twice, with cargo's output in `log`; says what was compared.
pub(crate) fn twice(workspace: &Workspace, log: &Path) -> Result<String, Error> {
    again::compare(workspace, Build::Dev, &mut |command| {
        command::run_logged(command, log)
    })
}

/// Compiles the programs of this checkout and packs them.
fn built(
    workspace: &Workspace,
    options: &Options,
    run: &mut dyn FnMut(&mut Command) -> Result<(), Error>,
) -> Result<Vec<(PathBuf, usize)>, Error> {
    let programs = compile(workspace, options.build, run)?;
    pack(workspace, options, &programs)
}

/// Compiles the programs; says in which folder they are.
fn compile(
    workspace: &Workspace,
    build: Build,
    run: &mut dyn FnMut(&mut Command) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    // Who is not root, or not on Debian, may have it by other means.
    if !workspace.has_program("musl-gcc") {
        packages::install(workspace, &["images"], None)?;
    }
    run(workspace.command("rustup").args(["target", "add", TARGET]))?;
    run(&mut compiler(workspace, build))?;
    Ok(workspace.target(TARGET).join(build.folder()))
}

/// Packs the programs of a folder, labelled as of this checkout.
fn pack(
    workspace: &Workspace,
    options: &Options,
    programs: &Path,
) -> Result<Vec<(PathBuf, usize)>, Error> {
    let out = options
        .out
        .clone()
        .unwrap_or_else(|| workspace.target("images"));
    fs::create_dir_all(&out).map_err(Error::file("create", &out))?;
    let version = env!("CARGO_PKG_VERSION");
    let commit = commit(workspace);
    let (mut written, mut sums) = (Vec::new(), String::new());
    for image in &IMAGES {
        let about = about(image, options, version, &commit);
        let files = files(image, programs)?;
        let whole = archive(&about, &files).map_err(Error::file("pack", &out))?;
        let bill = bill(workspace, image, version)?;
        for (ending, data) in [("tar", whole), ("cdx.json", bill)] {
            let path = out.join(format!("kuryr-{}.{ending}", image.name));
            fs::write(&path, &data).map_err(Error::file("write", &path))?;
            let name = image.name;
            sums.push_str(&format!("{}  kuryr-{name}.{ending}\n", digest(&data)));
            written.push((path, data.len()));
        }
    }
    let path = out.join("SHA256SUMS");
    fs::write(&path, &sums).map_err(Error::file("write", &path))?;
    written.push((path, sums.len()));
    Ok(written)
}

/// Paths of this machine are taken out of what the programs say of themselves: the same commit gives the same bytes anywhere.
fn compiler(workspace: &Workspace, build: Build) -> Command {
    let home = std::env::var("CARGO_HOME").unwrap_or_else(|_| {
        let home = std::env::var("HOME").unwrap_or_default();
        format!("{home}/.cargo")
    });
    let root = workspace.path("");
    let flags = format!(
        "--remap-path-prefix={}=/kuryr --remap-path-prefix={home}=/cargo",
        root.display().to_string().trim_end_matches('/')
    );
    let mut cargo = workspace.cargo();
    cargo
        .args([
            "build",
            "--locked",
            "--target",
            TARGET,
            "--profile",
            build.profile(),
        ])
        .args(["-p", "kuryr-programs", "-p", "kuryr-cni"])
        .env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS", flags)
        // What gcc puts for __DATE__ and __TIME__, which mimalloc says at start when asked to.
        .env("SOURCE_DATE_EPOCH", "0");
    if build == Build::Dev {
        // Where split debugging information was compiled is told by it; nodes have no use for it either.
        cargo
            .env("CARGO_PROFILE_DEV_DEBUG", "none")
            .env("CARGO_PROFILE_DEV_STRIP", "symbols");
    }
    cargo
}

fn files(image: &Image, from: &Path) -> Result<Vec<Entry>, Error> {
    let mut files = vec![Entry {
        path: "etc/ssl/certs/ca-certificates.crt",
        mode: 0o644,
        contents: authorities().into_bytes(),
    }];
    for &program in [&image.program].into_iter().chain(image.beside) {
        let path = from.join(program);
        let contents = fs::read(&path).map_err(Error::file("read", &path))?;
        elf::check_static(&contents)
            .map_err(|why| Error::Wrong(format!("{} is not static: {why:?}", path.display())))?;
        files.push(Entry {
            path: program,
            mode: 0o755,
            contents,
        });
    }
    Ok(files)
}

/// Mozilla's certificate authorities, as PEM: public clouds have certificates of theirs.
fn authorities() -> String {
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let text = base64::engine::general_purpose::STANDARD.encode(certificate);
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

/// The commit's id and time; a checkout without git has neither.
fn commit(workspace: &Workspace) -> (String, String) {
    let said = |args: &[&str]| {
        let output = workspace
            .command("git")
            .args(args)
            .env("TZ", "UTC")
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let id = said(&["rev-parse", "HEAD"]).unwrap_or_default();
    let utc = "--date=format-local:%Y-%m-%dT%H:%M:%SZ";
    let at = said(&[
        "-c",
        "log.showSignature=false",
        "log",
        "-1",
        utc,
        "--format=%cd",
    ]);
    (id, at.unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned()))
}

fn about(
    image: &Image,
    options: &Options,
    version: &str,
    (revision, created): &(String, String),
) -> About {
    let tag = options.tag.as_deref().unwrap_or(version);
    let label =
        |name: &str, value: &str| (format!("org.opencontainers.image.{name}"), value.to_owned());
    let labels = [
        label("title", &format!("kuryr-{}", image.name)),
        label("description", image.title),
        label("version", version),
        label("revision", revision),
        label("created", created),
        label("licenses", "Apache-2.0"),
    ];
    About {
        name: format!("{}/{}:{tag}", options.repository, image.name),
        architecture: ARCHITECTURE,
        entrypoint: match image.program {
            "kuryr-controller" => "/kuryr-controller",
            _ => "/kuryr-daemon",
        },
        user: image.user,
        created: created.clone(),
        labels: BTreeMap::from(labels),
    }
}

fn bill(workspace: &Workspace, image: &Image, version: &str) -> Result<Vec<u8>, Error> {
    let mut tree = workspace.cargo();
    tree.args([
        "tree", "--locked", "--prefix", "none", "--edges", "normal", "--format", "{p}|{l}",
    ])
    .args(["--target", TARGET, "-p", image.package]);
    if image.beside.contains(&"kuryr-cni") {
        tree.args(["-p", "kuryr-cni"]);
    }
    let log = workspace.target("xtask/cargo-tree.log");
    let printed = command::capture(&mut tree, &log)?;
    Ok(format!("{:#}\n", sbom::bill(image.program, version, &printed)).into_bytes())
}
