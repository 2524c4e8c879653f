//! `kuryr manifests`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use kuryr_config::{Config, Memory, Role, Sources};
use kuryr_manifests::{DEFAULTS, Rendered, Values, render};

/// A value is missing or wrong.
const WRONG: u8 = 1;
/// A file can't be read.
const BLIND: u8 = 2;

const EXAMPLES: &str = "\
Exit status: 0 printed, 1 a value is missing or wrong, 2 a file can't be read.

Examples:
  kuryr manifests --print-values > values.yaml              what there is to set, with what each means
  kuryr manifests --values values.yaml --config-file kuryr.conf --clouds clouds.yaml | kubectl apply -f -
  kuryr manifests --values values.yaml -o json | jq '.items[].kind'

What is printed has the credential in it, as a Secret, unless the values name one that is there (existingSecret).";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Values that are not the defaults; a later file's win
    #[arg(long, value_name = "FILE")]
    values: Vec<PathBuf>,
    /// The kuryr.conf that pods are to have, as the value `config`
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// The clouds.yaml that the controller is to have, as the value `clouds`
    #[arg(long, value_name = "FILE")]
    clouds: Option<PathBuf>,
    /// Print all values with their defaults, and nothing else
    #[arg(long)]
    print_values: bool,
    /// How objects are printed
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t = Form::Yaml)]
    output: Form,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Form {
    /// Documents for `kubectl apply -f -`
    Yaml,
    /// One List
    Json,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    if options.print_values {
        print!("{DEFAULTS}");
        return ExitCode::SUCCESS;
    }
    match rendered(options).and_then(|all| text(&all, options.output)) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(stop) => {
            for what in &stop.all {
                eprintln!("kuryr manifests: {what}");
            }
            ExitCode::from(stop.code)
        }
    }
}

/// Why nothing is printed.
struct Stop {
    code: u8,
    all: Vec<String>,
}

fn stop(code: u8, what: impl ToString) -> Stop {
    Stop {
        code,
        all: vec![what.to_string()],
    }
}

fn rendered(options: &Options) -> Result<Rendered, Stop> {
    let mut files = Vec::new();
    for file in &options.values {
        files.push((file.display().to_string(), read(file)?));
    }
    let files = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    let mut values = Values::read(files).map_err(|e| stop(WRONG, e))?;
    if let Some(file) = &options.config_file {
        values.config = read(file)?;
    }
    if let Some(file) = &options.clouds {
        values.clouds = read(file)?;
    }
    let all = render(&values);
    let mut wrong: Vec<String> = match &all {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    if !values.config.is_empty() {
        wrong.extend(of_the_configuration(&values));
    }
    match all {
        Ok(all) if wrong.is_empty() => Ok(all),
        _ => Err(Stop {
            code: WRONG,
            all: wrong,
        }),
    }
}

/// Where the pods find the files that the values hold.
const CONFIG_FILE: &str = "/etc/kuryr/kuryr.conf";
const CLOUDS_FILE: &str = "/etc/kuryr-cloud/clouds.yaml";

/// What the pods would say of their configuration; of credentials in a Secret that is there nothing is known.
fn of_the_configuration(values: &Values) -> Vec<String> {
    let files = Memory::default()
        .with(CONFIG_FILE, values.config.as_str())
        .with(CLOUDS_FILE, values.clouds.as_str());
    let role = match values.existing_secret.is_empty() {
        true => Role::Controller,
        false => Role::Daemon,
    };
    let sources = Sources {
        config_files: vec![CONFIG_FILE.into()],
        role,
        ..Sources::default()
    };
    match Config::load_from(&sources, &files) {
        Ok(loaded) => {
            for warning in loaded.warnings {
                eprintln!("kuryr manifests: warning: {warning}");
            }
            Vec::new()
        }
        Err(wrong) => wrong.errors.iter().map(ToString::to_string).collect(),
    }
}

fn read(file: &Path) -> Result<String, Stop> {
    std::fs::read_to_string(file)
        .map_err(|e| stop(BLIND, format!("can't read {}: {e}", file.display())))
}

fn text(all: &Rendered, form: Form) -> Result<String, Stop> {
    match form {
        Form::Json => Ok(format!("{:#}\n", all.json())),
        Form::Yaml => all
            .yaml()
            .map_err(|e| stop(WRONG, format!("can't write the objects as YAML: {e}"))),
    }
}
